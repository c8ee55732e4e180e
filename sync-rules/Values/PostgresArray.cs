namespace TopGun.Buckets.SyncRules.Values;

/// <summary>Turns Postgres' array text into JSON text, elements converted by their own type.</summary>
// https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
// [ '[' lower ':' upper ']' … '=' ] '{' element delimiter element … '}', elements bare, quoted or nested arrays.
internal static class PostgresArray
{
    /// <summary>Containers that may be nested, the outermost included.</summary>
    public const int MaxDepth = 11;

    private const uint BoxType = 603;

    public static ReadOnlyMemory<byte> ToJson(ReadOnlySpan<byte> text, uint elementType, in PostgresTime time, Scratch scratch)
    {
        var target = new ByteBuffer();
        var start = SkipBounds(text);
        if (start >= text.Length || text[start] != '{')
            throw Malformed();
        var reader = new Reader(text, start, elementType, elementType == BoxType ? (byte)';' : (byte)',', time, scratch, target);
        reader.ReadArray(depth: 1);
        return scratch.Keep(target.Written);
    }

    // Only a prefix of bounds is dropped: an equals sign inside an element is data.
    private static int SkipBounds(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || text[0] != '[')
            return 0;
        return text.IndexOf((byte)'=') + 1;
    }

    private static EvaluationException Malformed() => new("A column's value is not a valid Postgres array.");

    private ref struct Reader(
        ReadOnlySpan<byte> text, int at, uint elementType, byte delimiter, in PostgresTime time, Scratch scratch, ByteBuffer target)
    {
        private readonly ReadOnlySpan<byte> _text = text;
        private readonly PostgresForm _form = PostgresValue.FormOf(elementType);
        private readonly PostgresTime _time = time;
        private int _at = at;

        public void ReadArray(int depth)
        {
            if (depth > MaxDepth)
                throw new EvaluationException($"A column's value nests more than {MaxDepth} arrays.");
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
                    WriteElement(ReadQuoted());
                    break;
                default:
                    ReadBare();
                    break;
            }
        }

        private void ReadBare()
        {
            var start = _at;
            while (Peek() is not (byte)'}' && _text[_at] != delimiter)
                _at += _text[_at] == '\\' ? 2 : 1;
            var bare = _text[start.._at];
            if (bare.SequenceEqual("NULL"u8))
                target.Add("null"u8);
            else
                WriteElement(bare.Contains((byte)'\\') ? Unescape(bare) : scratch.Keep(bare));
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

        private readonly void WriteElement(ReadOnlyMemory<byte> element)
        {
            if (_form == PostgresForm.Json)
            {
                target.Add(element.Span);
                return;
            }
            var value = PostgresValue.Convert(_form, elementType, element, _time, scratch);
            if (value.Kind == SqlKind.Blob)
                target.Add("null"u8);
            else
                JsonText.WriteValue(target, value);
        }

        private readonly byte Peek() => _at < _text.Length ? _text[_at] : throw Malformed();
    }
}
