using System.Buffers;
using System.Text.Json;

namespace Tollgate.Proxy.Scanning;

/// <summary>Reads an answer that is one JSON document, as its bytes come.</summary>
/// <remarks>
/// Bound: <see cref="MaxTokenBytes"/>, because only a token that is cut is copied. Its copy is tried again when it has grown by
/// half, so a long token in short pieces costs a constant number of readings, not one per piece.
/// </remarks>
internal sealed class WholeAnswerReader(UsageReader reader)
{
    /// <summary>The longest single string that is read past; an answer with a longer one is given up as oversize.</summary>
    public const int MaxTokenBytes = 8 * 1024 * 1024;

    private const int FirstBufferBytes = 4096;

    private JsonReaderState _state = new(JsonFacts.Options);
    private byte[] _kept = [];
    private int _length;
    private int _tryAt;
    private bool _closed;
    private bool _givenUp;

    /// <summary>Reads the next piece.</summary>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        if (_givenUp || bytes.IsEmpty)
        {
            return;
        }

        if (_length == 0)
        {
            var consumed = Take(bytes);
            Keep(bytes[consumed..]);
            return;
        }

        Keep(bytes);
        if (_length >= _tryAt)
        {
            TakeKept();
        }
    }

    /// <summary>Merges what was read; <paramref name="isError"/>: only the kind of error.</summary>
    public void End(bool isError)
    {
        if (!_givenUp && _length > 0)
        {
            TakeKept();
        }

        if (isError)
        {
            reader.MergeError();
        }
        else
        {
            reader.MergeWhole(_closed);
        }
    }

    /// <summary>Makes the reader as new and gives its buffer back.</summary>
    public void Reset()
    {
        ReturnBuffer();
        _state = new JsonReaderState(JsonFacts.Options);
        _length = _tryAt = 0;
        _closed = _givenUp = false;
    }

    private void TakeKept()
    {
        var consumed = Take(_kept.AsSpan(0, _length));
        _kept.AsSpan(consumed, _length - consumed).CopyTo(_kept);
        _length -= consumed;
        _tryAt = _length + (_length / 2) + 1;
    }

    private int Take(ReadOnlySpan<byte> bytes)
    {
        var json = new Utf8JsonReader(bytes, isFinalBlock: false, _state);
        try
        {
            while (json.Read())
            {
                reader.Facts.Take(ref json);
                _closed = json.CurrentDepth == 0 && json.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray;
            }
        }
        catch (JsonException)
        {
            _givenUp = true;
            reader.Report.UsageInvalid = true;
            return bytes.Length;
        }

        _state = json.CurrentState;
        return (int)json.BytesConsumed;
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        if (_givenUp || bytes.IsEmpty)
        {
            return;
        }

        if (_length + (long)bytes.Length > MaxTokenBytes)
        {
            _givenUp = reader.Report.EventOversize = true;
            ReturnBuffer();
            return;
        }

        if (_length + bytes.Length > _kept.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(FirstBufferBytes, Math.Max(_length + bytes.Length, _kept.Length * 2)));
            _kept.AsSpan(0, _length).CopyTo(larger);
            ReturnBuffer();
            _kept = larger;
        }

        bytes.CopyTo(_kept.AsSpan(_length));
        _length += bytes.Length;
        _tryAt = _tryAt == 0 ? _length + 1 : _tryAt;
    }

    private void ReturnBuffer()
    {
        if (_kept.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_kept);
            _kept = [];
        }
    }
}
