namespace Tollgate.Control.Storage;

/// <summary>A file of no use but its room, which is given up when the disk is full and something small has to be written.</summary>
internal sealed class RoomReserve(string path)
{
    // What SQLite maps beside a file that it opens, and a transaction of a few objects.
    private const int Bytes = 256 * 1024;

    /// <summary>Takes the room, unless it is taken; without room for that the next start has to do without.</summary>
    public void TryTake()
    {
        try
        {
            if (!File.Exists(path) || new FileInfo(path).Length < Bytes)
            {
                // Written, not announced: a file with holes takes no room.
                File.WriteAllBytes(path, new byte[Bytes]);
            }
        }
        catch (IOException)
        {
            // A part of it would be of as little use as none.
            TryGiveUp();
        }
    }

    /// <summary>Gives the room up; false when there is none.</summary>
    public bool TryGiveUp()
    {
        var isThere = File.Exists(path);
        File.Delete(path);
        return isThere;
    }
}
