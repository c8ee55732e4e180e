namespace TopGun.Buckets.SyncRules;

/// <summary>How bad a finding in a rules file is.</summary>
public enum RuleSeverity
{
    /// <summary>The file works, but probably not as meant.</summary>
    Warning,

    /// <summary>The file is refused.</summary>
    Error,
}

/// <summary>A finding in a rules file, with its place.</summary>
/// <param name="Severity">Whether the file is refused.</param>
/// <param name="Code">Stable code, <c>TGB30xx</c>.</param>
/// <param name="Class">Class of the finding, such as <c>sql_syntax</c> or <c>yaml_structure</c>.</param>
/// <param name="Message">One sentence, with what was expected and a suggestion where one is close.</param>
/// <param name="Line">1-based line in the YAML file.</param>
/// <param name="Column">1-based column in the YAML file.</param>
/// <param name="Length">Length of the offending text in characters; 0 when it is only a place.</param>
public sealed record RuleError(
    RuleSeverity Severity, string Code, string Class, string Message, int Line, int Column, int Length)
{
    /// <summary>Offset of the offending text in the YAML file, in UTF-16 units.</summary>
    public int Start { get; init; }

    /// <summary><c>line:column  code  message</c>, as compilers print it.</summary>
    public override string ToString() => $"{Line}:{Column}  {Code}  {Message}";

    /// <summary>What was probably meant, when something is close: <c>length</c> for <c>lenght</c>.</summary>
    public string? Suggestion => Yaml.Suggestion.In(Message);
}
