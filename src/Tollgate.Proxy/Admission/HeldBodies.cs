namespace Tollgate.Proxy.Admission;

/// <summary>Bounds the bytes of request bodies that are held at one time, until admission has seen what it needs of them.</summary>
public sealed class HeldBodies
{
    private long _bytes;

    /// <summary>Held now.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Takes room for more; false when that would be more than <paramref name="most"/>, and then nothing is taken.</summary>
    public bool TryTake(long bytes, long most)
    {
        if (Interlocked.Add(ref _bytes, bytes) <= most)
        {
            return true;
        }

        Interlocked.Add(ref _bytes, -bytes);
        return false;
    }

    /// <summary>Gives room back.</summary>
    public void GiveBack(long bytes) => Interlocked.Add(ref _bytes, -bytes);
}
