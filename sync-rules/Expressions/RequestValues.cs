using System.Runtime.InteropServices;
using System.Text.Json;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>The parts of a request as expressions see them.</summary>
internal sealed class RequestValues
{
    private readonly JsonElement _token;
    private readonly JsonElement _parameters;
    private readonly Scratch _memory; // of the request and all its subscriptions; never taken back

    /// <param name="token">Payload of the token.</param>
    /// <param name="parameters">Connection parameters.</param>
    /// <exception cref="EvaluationException">One of them holds text that has no UTF-8 form.</exception>
    public RequestValues(JsonElement token, JsonElement parameters)
    {
        _token = token;
        _parameters = parameters;
        _memory = new Scratch();
        Token = ToText(token, _memory);
        Parameters = ToText(parameters, _memory);
        UserId = Member(token, "sub");
    }

    private RequestValues(RequestValues other, SqlValue subscription)
    {
        _token = other._token;
        _parameters = other._parameters;
        _memory = other._memory;
        Token = other.Token;
        Parameters = other.Parameters;
        UserId = other.UserId;
        Subscription = subscription;
    }

    /// <summary>JSON text in which every number is a real, because such documents are read with doubles.</summary>
    public SqlValue Token { get; }

    public SqlValue Parameters { get; }

    /// <summary>Null when there is no subscription, or one without parameters.</summary>
    public SqlValue Subscription { get; }

    /// <summary>The claim <c>sub</c>.</summary>
    public SqlValue UserId { get; }

    /// <summary>The same request with the parameters of one subscription; undefined or null for none.</summary>
    public RequestValues With(JsonElement subscription) =>
        new(this, subscription.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null ? SqlValue.Null : ToText(subscription, _memory));

    /// <summary>Member of the claim <c>parameters</c>; <c>user_id</c> always is the claim <c>sub</c>.</summary>
    public SqlValue TokenParameter(string name) => name == "user_id"
        ? UserId
        : _token.ValueKind == JsonValueKind.Object && _token.TryGetProperty("parameters", out var parameters)
            ? Member(parameters, name)
            : SqlValue.Null;

    public SqlValue UserParameter(string name) => Member(_parameters, name);

    private static SqlValue Member(JsonElement owner, string name)
    {
        if (owner.ValueKind != JsonValueKind.Object || !owner.TryGetProperty(name, out var member))
            return SqlValue.Null;
        var value = JsonReading.ToValue(JsonMarshal.GetRawUtf8Value(member).ToArray(), nullText: false, allReal: false, new Scratch());
        // These documents were read with doubles: a whole number is an integer however it was written.
        return value.Kind == SqlKind.Real && SqlNumber.TryWhole(value.Real, out var whole) ? SqlValue.FromInteger(whole) : value;
    }

    private static SqlValue ToText(JsonElement document, Scratch memory)
    {
        if (document.ValueKind == JsonValueKind.Undefined)
            return SqlValue.FromText("{}");
        var text = JsonMarshal.GetRawUtf8Value(document);
        if (!JsonReading.HasUtf8Form(text))
            throw new EvaluationException("The request holds half of a surrogate pair.");
        return SqlValue.FromDocument(JsonReading.Compact(text, allReal: true, memory));
    }
}
