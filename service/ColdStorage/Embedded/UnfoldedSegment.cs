namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>A segment whose operations are read from where they were written: its index is in RAM, or in a file once it was sealed and written.</summary>
internal readonly record struct UnfoldedSegment(int Number, SegmentIndex? InRam, SegmentIndexFile? OnDisk);
