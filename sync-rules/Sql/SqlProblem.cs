namespace TopGun.Buckets.SyncRules.Sql;

/// <summary>Why a query is refused. Thrown where it is found and turned into a finding where the query's place in the file is known.</summary>
internal sealed class SqlProblem(string errorClass, string message, TextSpan span) : Exception(message)
{
    public string Class { get; } = errorClass;

    public TextSpan Span { get; } = span;

    /// <summary>Reports the problem where its text is, when that is not the query being compiled.</summary>
    public Action<SqlProblem>? Report { get; set; }

    /// <summary>The text does not parse.</summary>
    public static SqlProblem Syntax(TextSpan span, string message) => new(FindingClass.SqlSyntax, message, span);

    /// <summary>The text parses but is outside the language.</summary>
    public static SqlProblem Unsupported(TextSpan span, string message) => new(FindingClass.SqlUnsupported, message, span);

    /// <summary>A name that stands for nothing, or for several things.</summary>
    public static SqlProblem Reference(TextSpan span, string message) => new(FindingClass.SqlReference, message, span);

    /// <summary>The parts are fine but do not fit together.</summary>
    public static SqlProblem Semantics(TextSpan span, string message) => new(FindingClass.SqlSemantics, message, span);
}
