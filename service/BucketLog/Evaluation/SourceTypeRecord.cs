using System.Buffers;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Stores how a column's type is built, so that rows are evaluated after a restart as they were before.</summary>
internal static class SourceTypeRecord
{
    private const int Deepest = 100; // nothing that was written nests deeper; a damaged record might

    public static void Write(ArrayBufferWriter<byte> output, SourceType type)
    {
        output.WriteByte((byte)type.Kind);
        output.WriteVarint(type.TypeId);
        output.WriteVarint(type.Delimiter);
        output.WriteVarint((ulong)type.Members.Count);
        foreach (var member in type.Members)
        {
            output.WriteText(member.Name);
            Write(output, member.Type);
        }
    }

    public static SourceType Read(ref RecordReader reader, int depth = 1)
    {
        if (depth > Deepest)
            Throw.DamagedRecord();
        var kind = (SourceTypeKind)reader.ReadByte();
        var typeId = (uint)reader.ReadVarint();
        var delimiter = (char)reader.ReadVarint();
        var members = new List<SourceTypeMember>();
        for (var count = reader.ReadCount(); count > 0; count--)
            members.Add(new SourceTypeMember(reader.ReadText(), Read(ref reader, depth + 1)));
        return new SourceType(kind, typeId, members) { Delimiter = delimiter };
    }
}
