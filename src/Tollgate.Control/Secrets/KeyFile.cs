using System.Security.Cryptography;
using System.Text;

namespace Tollgate.Control.Secrets;

/// <summary>The file with the key of <see cref="SecretBox"/>: base64 of 32 bytes, on one line.</summary>
internal static class KeyFile
{
    /// <summary>The key in the file; null when there is no file.</summary>
    /// <exception cref="InvalidOperationException">The file holds something else.</exception>
    public static SecretBox? TryRead(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        var text = File.ReadAllText(path).Trim();
        var key = new byte[SecretBox.KeyBytes];
        if (text.Length > 2 * SecretBox.KeyBytes || !Convert.TryFromBase64String(text, key, out var length) || length != SecretBox.KeyBytes)
        {
            throw new InvalidOperationException($"The key file {path} does not hold {SecretBox.KeyBytes} bytes as base64. Restore it from a backup, or name another as control.keyFile.");
        }

        return new SecretBox(key);
    }

    /// <summary>The key in the file, which is made, for its owner alone, when there is none.</summary>
    public static SecretBox ReadOrCreate(string path)
    {
        if (TryRead(path) is { } existing)
        {
            return existing;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var text = Convert.ToBase64String(RandomNumberGenerator.GetBytes(SecretBox.KeyBytes)) + "\n";
        var made = $"{path}.{Guid.NewGuid():N}";
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Options = FileOptions.WriteThrough, // On the disk before anything is sealed with it.
        };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        try
        {
            using (var file = new FileStream(made, options))
            {
                file.Write(Encoding.ASCII.GetBytes(text));
            }

            // Whole or not at all; and another process that was faster keeps its own.
            File.Move(made, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(made);
        }

        return TryRead(path)!;
    }
}
