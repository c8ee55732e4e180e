using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace TopGun.Buckets.Client.Ado;

/// <summary>A value for a command. Its .NET type decides in which form SQLite gets it.</summary>
internal sealed class Parameter : DbParameter
{
    private string _name = "";
    private string _column = "";

    public override DbType DbType { get; set; } = DbType.String;

    public override ParameterDirection Direction
    {
        get => ParameterDirection.Input;
        set
        {
            if (value != ParameterDirection.Input)
                throw new NotSupportedException("SQLite takes parameters and gives none back; use RETURNING or a query.");
        }
    }

    public override bool IsNullable { get; set; }

    /// <summary>With or without the sign that begins it in SQL.</summary>
    [AllowNull]
    public override string ParameterName
    {
        get => _name;
        set => _name = value ?? "";
    }

    public override int Size { get; set; }

    [AllowNull]
    public override string SourceColumn
    {
        get => _column;
        set => _column = value ?? "";
    }

    public override bool SourceColumnNullMapping { get; set; }

    public override object? Value { get; set; }

    /// <summary>The name without its sign.</summary>
    public static ReadOnlySpan<char> Plain(string name) => name.Length > 0 && name[0] is '@' or ':' or '$' ? name.AsSpan(1) : name;

    public override void ResetDbType() => DbType = DbType.String;
}
