namespace TopGun.Buckets.Streaming.Operator;

/// <summary>Who may use the operator API.</summary>
public sealed class OperatorOptions
{
    /// <summary>The token that requests carry; null turns the API off.</summary>
    public string? Token { get; set; }
}
