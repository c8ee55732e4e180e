using System.IO.Compression;
using System.Text;
using TopGun.Buckets.Streaming.Sessions;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary>
/// A connection ends after each number of bytes that there is, in the middle of a line or of a compressed block: what came whole counts, the rest is as if
/// it had never been sent, and the next connection brings exactly what is missing.
/// </summary>
public class StreamsAreCutAnywhere
{
    [Theory]
    [InlineData(null)]
    [InlineData("gzip")]
    [InlineData("br")]
    public async Task The_next_connection_brings_what_is_missing_and_nothing_twice(string? compression)
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.Fixed.AddRange([("first[]", 1), ("then[]", 3)]);
        for (var row = 0; row < 2; row++)
            server.Log.Begin().Put("first[]", $"f{row}", """{"text":"é"}""").Put("then[]", $"t{row}").Commit();
        var whole = await ReadCheckpointAsync(server, compression);
        var lines = 0;

        for (var length = 0; length <= whole.Length; length++)
        {
            var replica = new Replica();
            foreach (var line in WholeLines(whole.AsMemory(0, length), compression))
            {
                replica.Receive(line);
                lines++;
            }
            await using var session = SessionUnderTest.Open(
                server.Log, server.Rules, buckets: [.. replica.Positions.Select(position => new BucketPosition(position.Bucket, position.After))]);
            foreach (var line in await session.NextCheckpointAsync())
                replica.Receive(line);

            Assert.True(replica.IsComplete, $"cut after {length} bytes");
            foreach (var bucket in (string[])["first[]", "then[]"])
                Assert.Equal(server.Log.Model[bucket].Select(op => op.OpId), replica.OpsOf(bucket)); // the replica itself refuses what it has already
        }
        Assert.True(lines > whole.Length / 2, "hardly a cut left a line whole"); // or the body was no lines
    }

    /// <summary>The bytes of a fresh client's first checkpoint, as they come.</summary>
    private static async Task<byte[]> ReadCheckpointAsync(ServerUnderTest server, string? compression)
    {
        using var request = ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", """{"raw_data":true}""");
        if (compression is not null)
            request.Headers.AcceptEncoding.ParseAdd(compression);
        using var response = await server.SendAsync(request);
        Assert.Equal(compression, response.Content.Headers.ContentEncoding.SingleOrDefault());
        await using var body = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        using var bytes = new MemoryStream();
        var buffer = new byte[512];
        while (!WholeLines(bytes.ToArray(), compression).Exists(static line => line.StartsWith("{\"checkpoint_complete\"", StringComparison.Ordinal)))
        {
            var read = await body.ReadAsync(buffer, TestContext.Current.CancellationToken);
            Assert.NotEqual(0, read);
            bytes.Write(buffer, 0, read);
        }
        return bytes.ToArray();
    }

    private static List<string> WholeLines(ReadOnlyMemory<byte> bytes, string? compression)
    {
        using var sent = new MemoryStream(bytes.ToArray());
        using Stream plain = compression switch
        {
            "gzip" => new GZipStream(sent, CompressionMode.Decompress),
            "br" => new BrotliStream(sent, CompressionMode.Decompress),
            _ => sent,
        };
        var text = new List<byte>();
        try
        {
            for (var next = plain.ReadByte(); next >= 0; next = plain.ReadByte())
                text.Add((byte)next);
        }
        catch (Exception failure) when (failure is InvalidDataException or InvalidOperationException)
        {
            // The rest of a block is missing, which is how a connection's end looks.
        }
        var end = text.LastIndexOf((byte)'\n') + 1;
        return [.. Encoding.UTF8.GetString([.. text[..end]]).Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }
}
