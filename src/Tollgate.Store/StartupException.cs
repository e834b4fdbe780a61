namespace Tollgate.Store;

/// <summary>The store cannot start. The message is for the person at the terminal: what, which value, what to change.</summary>
internal sealed class StartupException(string message) : Exception(message);
