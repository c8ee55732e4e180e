using System.Collections.Frozen;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>Turns Postgres' array text into JSON text, elements converted by their own type.</summary>
// https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
// [ '[' lower ':' upper ']' … '=' ] '{' element delimiter element … '}', elements bare, quoted or nested arrays.
internal static class PostgresArray
{
    /// <summary>Containers that may be nested, the outermost included.</summary>
    public const int MaxDepth = 11;

    private const uint BoxType = 603;

    // Built-in types have oids below this.
    private const uint FirstUserOid = 10_000;

    private static readonly FrozenDictionary<uint, SourceType> Elements = Enumerable.Range(1, (int)FirstUserOid)
        .Select(typeId => PostgresValue.ElementOf((uint)typeId))
        .Where(element => element != 0)
        .ToFrozenDictionary(element => element, element => new SourceType(SourceTypeKind.Base, element, []));

    public static ReadOnlyMemory<byte> ToJson(ReadOnlySpan<byte> text, uint elementType, in PostgresTime time, Scratch scratch)
    {
        var target = scratch.Builder;
        target.Clear();
        Write(target, text, Elements[elementType], DelimiterOf(elementType), depth: 1, time, scratch);
        return scratch.Keep(target.Written);
    }

    /// <summary>Writes an array as JSON.</summary>
    /// <exception cref="EvaluationException">The text is no array, or nests too deep.</exception>
    public static void Write(
        ByteBuffer target, ReadOnlySpan<byte> text, SourceType element, byte delimiter, int depth, in PostgresTime time, Scratch scratch)
    {
        var start = SkipBounds(text);
        if (start >= text.Length || text[start] != '{')
            throw Malformed();
        var reader = new Reader(text, start, element, delimiter, time, scratch, target);
        reader.ReadArray(depth);
    }

    /// <summary>Element type of a built-in array type.</summary>
    public static SourceType ElementOf(uint arrayType) => Elements[PostgresValue.ElementOf(arrayType)];

    public static byte DelimiterOf(uint elementType) => elementType == BoxType ? (byte)';' : (byte)',';

    // Only a prefix of bounds is dropped: an equals sign inside an element is data.
    private static int SkipBounds(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || text[0] != '[')
            return 0;
        return text.IndexOf((byte)'=') + 1;
    }

    private static EvaluationException Malformed() => new("A column's value is not a valid Postgres array.");

    private ref struct Reader(
        ReadOnlySpan<byte> text, int at, SourceType element, byte delimiter, in PostgresTime time, Scratch scratch, ByteBuffer target)
    {
        private readonly ReadOnlySpan<byte> _text = text;
        private readonly PostgresTime _time = time;
        private int _at = at;

        public void ReadArray(int depth)
        {
            PostgresCustom.CheckDepth(depth);
            _at++;
            target.Add((byte)'[');
            if (Peek() == '}')
            {
                _at++;
                target.Add((byte)']');
                return;
            }
            while (true)
            {
                ReadElement(depth);
                var next = Peek();
                _at++;
                if (next == '}')
                    break;
                if (next != delimiter)
                    throw Malformed();
                target.Add((byte)',');
            }
            target.Add((byte)']');
        }

        private void ReadElement(int depth)
        {
            switch (Peek())
            {
                case (byte)'{':
                    ReadArray(depth + 1);
                    break;
                case (byte)'"':
                    WriteElement(ReadQuoted(), depth);
                    break;
                default:
                    ReadBare(depth);
                    break;
            }
        }

        private void ReadBare(int depth)
        {
            var start = _at;
            while (Peek() is not (byte)'}' && _text[_at] != delimiter)
                _at += _text[_at] == '\\' ? 2 : 1;
            var bare = _text[start.._at];
            if (bare.SequenceEqual("NULL"u8))
                target.Add("null"u8);
            else
                WriteElement(bare.Contains((byte)'\\') ? Unescape(bare) : scratch.Keep(bare), depth);
        }

        private ReadOnlyMemory<byte> ReadQuoted()
        {
            var start = ++_at;
            while (Peek() != '"')
                _at += _text[_at] == '\\' ? 2 : 1;
            var quoted = _text[start.._at++];
            return quoted.Contains((byte)'\\') ? Unescape(quoted) : scratch.Keep(quoted);
        }

        private readonly Memory<byte> Unescape(ReadOnlySpan<byte> escaped)
        {
            var room = scratch.Take(escaped.Length);
            var length = 0;
            for (var index = 0; index < escaped.Length; index++)
            {
                if (escaped[index] == '\\' && index + 1 < escaped.Length)
                    index++;
                room.Span[length++] = escaped[index];
            }
            return room[..length];
        }

        private readonly void WriteElement(ReadOnlyMemory<byte> text, int depth) =>
            PostgresCustom.Write(target, element, text, depth + 1, _time, scratch);

        private readonly byte Peek() => _at < _text.Length ? _text[_at] : throw Malformed();
    }
}
