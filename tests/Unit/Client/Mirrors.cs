using TopGun.Buckets.Client;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>Keeps a list by nothing but the steps that it is told.</summary>
internal static class Mirrors
{
    public static void Apply<T>(List<T> mirror, ListChange<T> change, IReadOnlyList<T> rows)
    {
        switch (change.Kind)
        {
            case ListChangeKind.Reset:
                mirror.Clear();
                mirror.AddRange(rows);
                break;
            case ListChangeKind.Inserted:
                mirror.Insert(change.Index, change.Row!);
                break;
            case ListChangeKind.Removed:
                mirror.RemoveAt(change.Index);
                break;
            case ListChangeKind.Moved:
                mirror.RemoveAt(change.OldIndex);
                mirror.Insert(change.Index, change.Row!);
                break;
            case ListChangeKind.Replaced:
                mirror[change.Index] = change.Row!;
                break;
        }
    }
}
