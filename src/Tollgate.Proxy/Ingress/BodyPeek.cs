using System.Buffers;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Ingress;

/// <summary>Learns the requested model from a request's body as it streams past.</summary>
/// <remarks>
/// Looks only at keys of the outermost object and stops at the first <c>"model"</c>: Claude Code sends it first, so the peek ends within 40
/// bytes; SDKs send it second. Bytes may be cut anywhere. A body that is no JSON object, or whose key is written with escapes, yields nothing.
/// Hot path: no allocation but the name, and that once per process.
/// </remarks>
public sealed class BodyPeek
{
    private static readonly SearchValues<byte> Structural = SearchValues.Create("\"{}[],:"u8);

    private readonly byte[] _token = new byte[NameTable.MaxBytes];
    private int _length;
    private int _depth;
    private State _state;
    private bool _escaped;
    private bool _stringIsKey;
    private bool _isModel;

    private enum State : byte
    {
        BeforeObject,
        Structure,
        InString,
        Done,
    }

    /// <summary>The model named; empty when none has been seen.</summary>
    public string Model { get; private set; } = string.Empty;

    /// <summary>Whether nothing more can be learned.</summary>
    public bool IsDone => _state == State.Done;

    /// <summary>Sees the next bytes of the body.</summary>
    public void Feed(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty && _state != State.Done)
        {
            bytes = _state switch
            {
                State.BeforeObject => Open(bytes),
                State.InString => ReadString(bytes),
                _ => ReadStructure(bytes),
            };
        }
    }

    private ReadOnlySpan<byte> Open(ReadOnlySpan<byte> bytes)
    {
        var start = bytes.IndexOfAnyExcept(" \t\r\n\uFEFF"u8);
        if (start < 0)
        {
            return default;
        }

        _state = bytes[start] == (byte)'{' ? State.Structure : State.Done;
        _depth = 1;
        _stringIsKey = true;
        return bytes[(start + 1)..];
    }

    private ReadOnlySpan<byte> ReadStructure(ReadOnlySpan<byte> bytes)
    {
        var at = bytes.IndexOfAny(Structural);
        if (at < 0)
        {
            return default;
        }

        switch (bytes[at])
        {
            case (byte)'"':
                _state = State.InString;
                _length = 0;
                break;
            case (byte)'{' or (byte)'[':
                _depth++;
                break;
            case (byte)'}' or (byte)']':
                if (--_depth == 0)
                {
                    _state = State.Done;
                }

                break;
            case (byte)':':
                _stringIsKey = _stringIsKey && _depth != 1;
                break;
            default:
                _stringIsKey = _stringIsKey || _depth == 1;
                _isModel = false;
                break;
        }

        return bytes[(at + 1)..];
    }

    private ReadOnlySpan<byte> ReadString(ReadOnlySpan<byte> bytes)
    {
        if (_escaped)
        {
            _escaped = false;
            Keep(bytes[..1]);
            return bytes[1..];
        }

        var at = bytes.IndexOfAny((byte)'"', (byte)'\\');
        if (at < 0)
        {
            Keep(bytes);
            return default;
        }

        Keep(bytes[..at]);
        if (bytes[at] == (byte)'\\')
        {
            // An escape makes the token longer than what it stands for; such a key or model is not one that anybody sends.
            Keep("\\"u8);
            _escaped = true;
        }
        else
        {
            EndString();
        }

        return bytes[(at + 1)..];
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        if (_depth != 1)
        {
            return;
        }

        var kept = Math.Min(bytes.Length, _token.Length - _length);
        bytes[..kept].CopyTo(_token.AsSpan(_length));
        _length += kept;
    }

    private void EndString()
    {
        _state = State.Structure;
        if (_depth != 1)
        {
            return;
        }

        var token = _token.AsSpan(0, _length);
        if (_stringIsKey)
        {
            _isModel = token.SequenceEqual("model"u8);
        }
        else if (_isModel)
        {
            Model = NameTable.Intern(token);
            _state = State.Done;
        }
    }
}
