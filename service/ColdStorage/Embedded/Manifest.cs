using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>Which files make up the store. Replaced as a whole.</summary>
/// <param name="Store">Made with the store; in the header of each of its segments.</param>
/// <param name="FirstSegment">Segments before this one are void.</param>
/// <param name="ReplaySegment">Records of the log are in runs up to a place: its segment …</param>
/// <param name="ReplayOffset">… and its offset there.</param>
/// <param name="NextRun">Number of the next run.</param>
/// <param name="Runs">Runs, the newest first, with the tier of each.</param>
internal sealed record Manifest(
    Guid Store, int FirstSegment, int ReplaySegment, long ReplayOffset, int NextRun, IReadOnlyList<(int Number, int Tier)> Runs)
{
    public const int Format = 3;
    public const int OldestFormat = 2; // whose records and indexes are still read
    public const string Name = "manifest";

    public byte[] Serialize()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"format {Format}\nstore {Store:N}\nfirst {FirstSegment}\n");
        text.Append(CultureInfo.InvariantCulture, $"replay {ReplaySegment} {ReplayOffset}\nnext {NextRun}\n");
        foreach (var (number, tier) in Runs)
            text.Append(CultureInfo.InvariantCulture, $"run {number} {tier}\n");
        var body = Encoding.ASCII.GetBytes(text.ToString());
        var bytes = new byte[sizeof(uint) + body.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Crc32C.Compute(body));
        body.CopyTo(bytes, sizeof(uint));
        return bytes;
    }

    /// <summary>Reads it.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="folder">Of the store.</param>
    /// <param name="format">That it was written in.</param>
    /// <exception cref="DamagedStoreException">Its checksum does not agree.</exception>
    /// <exception cref="StoreVersionException">This process cannot read that format.</exception>
    public static Manifest Parse(ReadOnlySpan<byte> bytes, string folder, out int format)
    {
        format = Format;
        var path = Path.Combine(folder, Name);
        if (bytes.Length < sizeof(uint) || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Crc32C.Compute(bytes[sizeof(uint)..]))
            throw new DamagedStoreException(path, "its checksum does not agree");

        var manifest = new Manifest(Guid.Empty, 1, 1, 0, 1, []);
        List<(int Number, int Tier)> runs = [];
        foreach (var line in Encoding.ASCII.GetString(bytes[sizeof(uint)..]).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split(' ');
            switch (words[0])
            {
                case "format":
                    format = (int)Number(words[1]);
                    if (format is < OldestFormat or > Format)
                        throw new StoreVersionException(folder, format, Format);
                    break;
                case "store":
                    manifest = manifest with { Store = Guid.Parse(words[1]) };
                    break;
                case "first":
                    manifest = manifest with { FirstSegment = (int)Number(words[1]) };
                    break;
                case "replay":
                    manifest = manifest with { ReplaySegment = (int)Number(words[1]), ReplayOffset = Number(words[2]) };
                    break;
                case "next":
                    manifest = manifest with { NextRun = (int)Number(words[1]) };
                    break;
                case "run":
                    runs.Add(((int)Number(words[1]), (int)Number(words[2])));
                    break;
            }
        }
        return manifest with { Runs = runs };
    }

    private static long Number(string word) => long.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture);
}
