using System.Buffers.Text;

namespace TopGun.Buckets.Tests.Benchmarks.Service;

/// <summary>What a client that verifies everything has to know of the operations in one data line.</summary>
internal readonly record struct OpTotals(long Ops, uint Checksum, ulong LastOpId, bool Cleared);

/// <summary>Sums up the operations of a data line without reading their rows, so that the client is not what is measured.</summary>
/// <remarks>
/// Rows are JSON inside of JSON strings, where each quote has a backslash before it. The names that are looked for here, with their quotes, can therefore
/// stand nowhere but in the operations themselves.
/// </remarks>
internal static class OpScanner
{
    /// <param name="line">The whole line.</param>
    /// <param name="after">Operation before the first: ids have to rise from here.</param>
    public static OpTotals Scan(ReadOnlySpan<byte> line, ulong after)
    {
        var totals = new OpTotals(0, 0, after, false);
        while (line.IndexOf("{\"op_id\":\""u8) is var at and >= 0)
        {
            line = line[(at + "{\"op_id\":\"".Length)..];
            var opId = Number(ref line);
            if (opId <= totals.LastOpId)
                throw new InvalidDataException($"Operation {opId} comes after {totals.LastOpId}.");

            var cleared = line.StartsWith("\",\"op\":\"CLEAR\""u8);
            line = line[(line.IndexOf("\"checksum\":"u8) + "\"checksum\":".Length)..];
            var checksum = Number(ref line);
            totals = cleared
                ? new OpTotals(1, (uint)checksum, opId, Cleared: true) // it stands for all that came before
                : totals with { Ops = totals.Ops + 1, Checksum = unchecked(totals.Checksum + (uint)checksum), LastOpId = opId };
        }
        return totals;
    }

    private static ulong Number(ref ReadOnlySpan<byte> line)
    {
        if (!Utf8Parser.TryParse(line, out ulong number, out var length))
            throw new InvalidDataException("A data line has no number where one belongs.");
        line = line[length..];
        return number;
    }
}
