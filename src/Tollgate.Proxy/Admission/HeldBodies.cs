namespace Tollgate.Proxy.Admission;

/// <summary>Bounds the bytes of request bodies that are held at one time, until admission has seen what it needs of them.</summary>
public sealed class HeldBodies
{
    private long _bytes;

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

/// <summary>The room that one body takes; given back once, when its last byte goes upstream or its request ends.</summary>
public sealed class HeldBody(HeldBodies all)
{
    private long _bytes;

    /// <summary>Takes room for more; false when there is none.</summary>
    public bool TryTake(long bytes, long most)
    {
        var isTaken = all.TryTake(bytes, most);
        Interlocked.Add(ref _bytes, isTaken ? bytes : 0);
        return isTaken;
    }

    /// <summary>Gives it back.</summary>
    public void Release() => all.GiveBack(Interlocked.Exchange(ref _bytes, 0));
}
