namespace Tollgate.Proxy.Configuration;

/// <summary>Marks a value that no message, log line or page may show.</summary>
[AttributeUsage(AttributeTargets.Property)]
public class SensitiveAttribute : Attribute;

/// <summary>Marks a secret: never shown, and read from elsewhere when it says <c>env:NAME</c> or <c>file:PATH</c>.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SecretAttribute : SensitiveAttribute;

/// <summary>Marks a key, or a whole section, whose change takes effect only at the next start; all others are applied when the file changes.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class NeedsRestartAttribute : Attribute;
