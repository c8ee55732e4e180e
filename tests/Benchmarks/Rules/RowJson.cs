using System.Buffers;
using System.Text;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Benchmarks.Rules;

/// <summary>The limit of evaluation: a row's JSON written by hand for one table, and nothing else done with the row.</summary>
internal sealed class RowJson(SourceTable table)
{
    private static readonly SearchValues<byte> Escaped = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(value => (byte)value), (byte)'"', (byte)'\\']);

    private readonly byte[] _buffer = new byte[4096];
    private readonly byte[][] _names = [.. table.Columns.Select((column, index) => Encoding.UTF8.GetBytes($"{(index == 0 ? '{' : ',')}\"{column.Name}\":"))];
    private readonly bool[] _isTime = [.. table.Columns.Select(column => column.TypeId == 1184)];
    private readonly bool[] _plain = [.. table.Columns.Select(column => column.TypeId is 16 or 23)]; // bool and int: no quotes

    /// <returns>The JSON, valid until the next call.</returns>
    public ReadOnlySpan<byte> Encode(SourceRow row)
    {
        var output = _buffer.AsSpan();
        for (var column = 0; column < _names.Length; column++)
        {
            Append(ref output, _names[column]);
            var text = row[column].Text.Span;
            if (_plain[column])
            {
                Append(ref output, text is [(byte)'t'] ? "1"u8 : text is [(byte)'f'] ? "0"u8 : text);
                continue;
            }
            if (text.ContainsAny(Escaped))
                throw new NotSupportedException("The rows of this benchmark need no escapes.");
            Append(ref output, "\""u8);
            Append(ref output, _isTime[column] ? text[..^"+00".Length] : text);
            Append(ref output, _isTime[column] ? "Z\""u8 : "\""u8);
        }
        Append(ref output, "}"u8);
        return _buffer.AsSpan(0, _buffer.Length - output.Length);
    }

    private static void Append(ref Span<byte> output, ReadOnlySpan<byte> text)
    {
        text.CopyTo(output);
        output = output[text.Length..];
    }
}
