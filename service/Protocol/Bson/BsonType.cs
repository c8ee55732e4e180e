namespace TopGun.Buckets.Protocol.Bson;

/// <summary>The element types of BSON that the protocol knows; https://bsonspec.org/spec.html.</summary>
internal enum BsonType : byte
{
    Double = 1,
    String = 2,
    Document = 3,
    Array = 4,
    Binary = 5,
    Undefined = 6,
    ObjectId = 7,
    Boolean = 8,
    DateTime = 9,
    Null = 10,
    Int32 = 16,
    Timestamp = 17,
    Int64 = 18,
}
