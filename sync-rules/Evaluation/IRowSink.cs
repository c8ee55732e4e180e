namespace TopGun.Buckets.SyncRules;

/// <summary>Receives what the rules make of one row. Spans are valid only during the call.</summary>
/// <remarks>
/// For each distinct output of the row one <see cref="Row"/> comes first, followed by a <see cref="Bucket"/> for every bucket that holds it, so
/// that its bytes are encoded once however many buckets share it.
/// </remarks>
public interface IRowSink
{
    /// <summary>One output: what a client receives.</summary>
    /// <param name="table">Client table name, UTF-8.</param>
    /// <param name="id">Row id on the client, UTF-8.</param>
    /// <param name="data">JSON object, UTF-8.</param>
    void Row(ReadOnlySpan<byte> table, ReadOnlySpan<byte> id, ReadOnlySpan<byte> data);

    /// <summary>A bucket that holds the output given last.</summary>
    /// <param name="name">Full bucket name, UTF-8, for example <c>1#by_list["7"]</c>.</param>
    void Bucket(ReadOnlySpan<byte> name);

    /// <summary>An entry of the parameter index that this row produces.</summary>
    /// <param name="key">Lookup key, UTF-8; equals the text of a <see cref="BucketResolution"/>'s lookup.</param>
    /// <param name="record">Result record, opaque bytes that go back into <see cref="BucketResolution.Supply"/>.</param>
    void Lookup(ReadOnlySpan<byte> key, ReadOnlySpan<byte> record);

    /// <summary>A query could not be evaluated for this row; the row yields nothing for that query.</summary>
    void Error(RowError error);
}

/// <summary>Why a query yields nothing for a row.</summary>
/// <param name="Kind">Which query failed.</param>
/// <param name="Definition">Bucket definition or stream.</param>
/// <param name="Message">For the operator; holds no row data.</param>
public sealed record RowError(RowErrorKind Kind, string Definition, string Message);

/// <summary>Which part of the rules failed for a row.</summary>
public enum RowErrorKind
{
    /// <summary>A data query.</summary>
    Data,

    /// <summary>A parameter query.</summary>
    Parameter,

    /// <summary>The row's own values could not be converted.</summary>
    Convert,
}
