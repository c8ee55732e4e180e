using System.Text.Json;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Reads the rows of a <c>json_each</c> call or the elements of an array, one after the other.</summary>
/// <remarks>An array has positions as keys, an object names; anything else is one row without a key. Numbers are read with doubles.</remarks>
internal ref struct EachReader
{
    private readonly ReadOnlyMemory<byte> _json;
    private readonly Scratch _scratch;
    private readonly bool _isMembership;
    private readonly bool _nullIsText;
    private Utf8JsonReader _reader;
    private JsonTokenType _form; // what the input is; None when there is nothing more to read
    private int _position;

    /// <param name="source">The call.</param>
    /// <param name="input">What it reads.</param>
    /// <param name="scratch">Memory for the values.</param>
    /// <param name="nullIsText">JSON null is the text <c>null</c>.</param>
    /// <exception cref="EvaluationException">The input is not JSON, or no array where one is needed.</exception>
    public EachReader(EachSource source, scoped in SqlValue input, Scratch scratch, bool nullIsText)
    {
        _scratch = scratch;
        _isMembership = source.IsMembership;
        _nullIsText = nullIsText && !_isMembership;
        if (input.IsNull)
            return;
        if (input.Kind != SqlKind.Text)
            throw Unusable();
        _json = input.Bytes;
        if (!input.IsCompact)
            JsonReading.Validate(_json.Span);
        _reader = JsonReading.Open(_json.Span);
        _reader.Read();
        _form = _reader.TokenType;
        if (_isMembership && _form != JsonTokenType.StartArray)
            throw Unusable();
    }

    public bool TryRead(out SqlValue key, out SqlValue value)
    {
        key = value = SqlValue.Null;
        switch (_form)
        {
            case JsonTokenType.None:
                return false;
            case JsonTokenType.StartArray:
                if (!_isMembership)
                    key = SqlValue.FromInteger(_position++);
                return JsonReading.TryReadElement(_json, ref _reader, _nullIsText, allReal: !_isMembership, _scratch, out value);
            case JsonTokenType.StartObject:
                _reader.Read();
                if (_reader.TokenType != JsonTokenType.PropertyName)
                    return false;
                key = SqlValue.FromText(JsonReading.Unescape(_json, ref _reader, _scratch));
                _reader.Read();
                break;
            default:
                _form = JsonTokenType.None;
                break;
        }
        value = JsonReading.ToValue(_json, ref _reader, _nullIsText, allReal: true, _scratch);
        return true;
    }

    private readonly EvaluationException Unusable() =>
        new(_isMembership ? "A value that should be a JSON array is none." : "json_each() needs JSON text.");
}
