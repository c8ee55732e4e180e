namespace TopGun.Buckets.Replication;

/// <summary>How bad a finding is.</summary>
public enum FindingSeverity
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>Works, but not as one may expect.</summary>
    Warning,

    /// <summary>Keeps replication from starting.</summary>
    Error,
}

/// <summary>One thing that was checked at the source.</summary>
/// <param name="Code">Stable identifier; an error ends the service with the same code.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Sentence">What was found, with the object's name.</param>
/// <param name="Remedy">What to do about it, with the statement to run; null when there is nothing to do.</param>
public sealed record DoctorFinding(string Code, FindingSeverity Severity, string Sentence, string? Remedy)
{
    /// <summary>Something is as it should be.</summary>
    public static DoctorFinding Fine(string sentence) => new("TGB1100", FindingSeverity.Ok, sentence, Remedy: null);
}
