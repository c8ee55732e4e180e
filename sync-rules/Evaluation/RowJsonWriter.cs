using System.Runtime.CompilerServices;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Writes what a client receives of a row: its id and its JSON.</summary>
internal sealed class RowJsonWriter
{
    private readonly Member[] _members;
    private readonly OutputSlot? _id;
    private readonly OutputSlot?[] _key;
    private readonly ByteBuffer _data = new();
    private readonly ByteBuffer _rowId = new();

    /// <param name="slots">The output columns.</param>
    /// <param name="key">Names of the columns that the id is composed of; none where the column <c>id</c> is the id.</param>
    public RowJsonWriter(OutputSlot[] slots, IReadOnlyList<string> key)
    {
        _id = Array.Find(slots, slot => slot.Name == "id");
        _key = [.. key.Select(name => Array.Find(slots, slot => slot.Name == name))];
        _members = [.. slots.Select(slot => new Member(slot, IsComposed: slot == _id && _key.Length > 0))];
    }

    /// <summary>JSON of the row written last.</summary>
    public ReadOnlySpan<byte> Data => _data.Written;

    /// <summary>Writes a row.</summary>
    /// <returns>Its id, valid until the next row.</returns>
    /// <exception cref="EvaluationException">The row's values do not allow it.</exception>
    public ReadOnlySpan<byte> Write(EvaluationContext context)
    {
        if (_key.Length > 0)
            WriteKey(context);
        WriteData(context);
        return _key.Length > 0 ? _rowId.Written : Id(context);
    }

    // Every member begins with a comma; the first one's becomes the brace.
    private void WriteData(EvaluationContext context)
    {
        _data.Clear();
        var room = RoomOf(context.SourceValues);
        for (var index = Pass(0, room, context); index < _members.Length; index = Pass(index + 1, room, context))
            WriteMember(_members[index], context);
        if (_data.Length == 0)
            _data.Add((byte)'{');
        else
            _data[0] = (byte)'{';
        _data.Add((byte)'}');
    }

    /// <summary>Room for all members that may pass, so that <see cref="Pass"/> need not look before each.</summary>
    private int RoomOf(ReadOnlySpan<SourceValue> source)
    {
        var room = 0;
        foreach (ref readonly var member in _members.AsSpan())
        {
            if ((uint)member.PassedColumn < (uint)source.Length)
                room += member.Prefix.Room + source[member.PassedColumn].Text.Length + PostgresTime.MaxJsonLength;
        }
        return room;
    }

    /// <summary>Writes members for as long as they pass: most values go from the source's bytes to JSON without becoming a value in between.</summary>
    /// <returns>The first member that does not pass.</returns>
    private int Pass(int index, int room, EvaluationContext context)
    {
        var source = context.SourceValues;
        var time = context.Time;
        var target = _data.GetSpan(room);
        var available = target.Length;
        for (; index < _members.Length; index++)
        {
            ref readonly var member = ref _members[index];
            if ((uint)member.PassedColumn >= (uint)source.Length)
                break;
            ref readonly var value = ref source[member.PassedColumn];
            if (value.Kind != SourceValueKind.Text)
                break;
            member.Prefix.CopyTo(target);
            var length = TryWrite(target[member.Prefix.Length..], member.Form, value.Text.Span, time);
            if (length < 0)
                break;
            target = target[(member.Prefix.Length + length)..];
        }
        _data.Advance(available - target.Length);
        return index;
    }

    /// <returns>How much was written; −1 when the text has to become a value.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)] // a call for each column would be a tenth of the row's time
    private static int TryWrite(Span<byte> room, PostgresForm form, ReadOnlySpan<byte> text, in PostgresTime time) => form switch
    {
        PostgresForm.Text => JsonText.TryWriteUnescaped(room, text),
        PostgresForm.Boolean => WriteBoolean(room, text),
        PostgresForm.Integer => TryWriteInteger(room, text),
        PostgresForm.Timestamp => time.TryWriteJson(room, text, hasZone: false),
        PostgresForm.TimestampTz => time.TryWriteJson(room, text, hasZone: true),
        _ => -1,
    };

    private static int WriteBoolean(Span<byte> room, ReadOnlySpan<byte> text)
    {
        room[0] = (byte)(text is [(byte)'t', ..] ? '1' : '0');
        return 1;
    }

    // The text was read before, so it is an integer; without sign and leading zeros it is written as it stands.
    private static int TryWriteInteger(Span<byte> room, ReadOnlySpan<byte> text)
    {
        if (text is not ([(byte)'0'] or [>= (byte)'1' and <= (byte)'9', ..]))
            return -1;
        text.CopyTo(room);
        return text.Length;
    }

    private void WriteMember(in Member member, EvaluationContext context)
    {
        if (member.IsComposed)
        {
            // A client knows a row by one id, so the column of that name shows the composed one.
            _data.Add(member.Prefix);
            JsonText.WriteString(_data, _rowId.Written);
            return;
        }
        var value = member.Slot.Read(context);
        if (value.Kind == SqlKind.Blob)
            return;
        _data.Add(member.Prefix);
        JsonText.WriteValue(_data, value);
    }

    // A row without id is not refused: all such rows share the empty one.
    private ReadOnlySpan<byte> Id(EvaluationContext context)
    {
        if (_id is null)
            return [];
        if (context.TryGetSourceText(_id.PassedColumn, out var text))
            return text;
        var value = _id.Read(context);
        return value.IsNull ? [] : SqlCast.TextOf(value, context.Scratch).Span;
    }

    // One column: its text, as with the column id. Several: a JSON array of the values in the form that they have in bucket names, so that
    // no two rows share an id and a client can take it apart.
    private void WriteKey(EvaluationContext context)
    {
        _rowId.Clear();
        if (_key.Length > 1)
            _rowId.Add((byte)'[');
        for (var index = 0; index < _key.Length; index++)
        {
            var value = _key[index]?.Read(context) ?? SqlValue.Null;
            if (index > 0)
                _rowId.Add((byte)',');
            var isUsable = !value.IsNull && value.Kind != SqlKind.Blob;
            if (isUsable && _key.Length == 1)
                _rowId.Add(SqlCast.TextOf(value, context.Scratch).Span);
            else if (!isUsable || !JsonText.WriteKey(_rowId, value))
                throw new EvaluationException("A column of the key has no value that can be part of an id.");
        }
        if (_key.Length > 1)
            _rowId.Add((byte)']');
    }

    /// <summary>An output column; what the loop over them needs stands side by side.</summary>
    private readonly record struct Member(OutputSlot Slot, bool IsComposed)
    {
        /// <summary><c>,"name":</c></summary>
        public readonly PaddedText Prefix = Slot.Prefix;

        public readonly int PassedColumn = IsComposed ? -1 : Slot.PassedColumn;

        public readonly PostgresForm Form = Slot.Form;
    }
}
