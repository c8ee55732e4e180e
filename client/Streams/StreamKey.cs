using System.Text.Json.Nodes;

namespace TopGun.Buckets.Client.Streams;

/// <summary>What a subscription is to: a stream's name and its parameters as canonical JSON, <c>null</c> for none.</summary>
internal readonly record struct StreamKey(string Name, string Parameters)
{
    public const string NoParameters = "null";

    public static StreamKey Of(string name, JsonObject? parameters) =>
        new(name, parameters is null ? NoParameters : CanonicalJson.Of(parameters));

    public override string ToString() => Parameters == NoParameters ? Name : Name + Parameters;
}
