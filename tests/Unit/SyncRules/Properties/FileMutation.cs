using System.Text;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties;

/// <summary>Damages files on the level of bytes: flips, cuts, copies, splices and repetitions.</summary>
internal static class FileMutation
{
    private static readonly string[] Pieces =
    [
        "(", ")", "[", "]", "{", "}", "'", "\"", "\n", "\n  ", ": ", "- ", "|", ">", "&a ", "*a", "!x ", "#", "%", "SELECT ", " FROM ", " WHERE ", " AND ", " OR ",
        " NOT ", " IN ", "json_each(", "CASE WHEN ", "auth.user_id()", "bucket.", "->>", "::", "--", "/*", "*/", "\0", "\uFEFF", "é", "😀",
    ];

    /// <summary>One of the files, or two of them joined, with some damage.</summary>
    public static string Mutate(Random random, IReadOnlyList<byte[]> files)
    {
        var bytes = new List<byte>(files[random.Next(files.Count)]);
        for (var change = random.Next(1, 5); change > 0; change--)
            Change(random, bytes, files);
        return Decode(random, [.. bytes]);
    }

    private static void Change(Random random, List<byte> bytes, IReadOnlyList<byte[]> files)
    {
        var at = random.Next(bytes.Count + 1);
        var length = Math.Min(random.Next(1, random.Next(2) == 0 ? 4 : 60), bytes.Count - at);
        switch (random.Next(7))
        {
            case 0 when length > 0:
                bytes[at] = (byte)random.Next(256);
                break;
            case 1:
                bytes.RemoveRange(at, length);
                break;
            case 2:
                bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, length));
                break;
            case 3:
                var other = files[random.Next(files.Count)];
                bytes.RemoveRange(at, bytes.Count - at);
                bytes.AddRange(other.AsSpan(random.Next(other.Length)));
                break;
            case 4:
                var piece = bytes.GetRange(at, Math.Min(length, 40));
                for (var copy = 1 << random.Next(8); copy > 0; copy--)
                    bytes.InsertRange(at, piece);
                break;
            case 5:
                var repeated = Encoding.UTF8.GetBytes(Pieces[random.Next(Pieces.Length)]);
                for (var copy = random.Next(8) == 0 ? 1 << random.Next(12) : 1; copy > 0; copy--)
                    bytes.InsertRange(at, repeated);
                break;
            default:
                bytes.InsertRange(at, Enumerable.Range(0, length).Select(_ => (byte)random.Next(256)));
                break;
        }
    }

    // Whoever reads a file makes text of its bytes in one of these ways; the last one gives halves of surrogate pairs.
    private static string Decode(Random random, byte[] bytes) => random.Next(20) switch
    {
        0 => Encoding.Latin1.GetString(bytes),
        1 => string.Create(bytes.Length / 2, bytes, (text, source) =>
        {
            for (var index = 0; index < text.Length; index++)
                text[index] = (char)(source[2 * index] | source[(2 * index) + 1] << 8);
        }),
        _ => Encoding.UTF8.GetString(bytes),
    };
}
