using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Bson;
using TopGun.Buckets.Protocol.MessagePack;
using TopGun.Buckets.Protocol.RSocket;
using TopGun.Buckets.Streaming;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.RSocket;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.Tests.Unit.Grid;
using TopGun.Buckets.Tests.Unit.Protocol;
using TopGun.Buckets.Tests.Unit.Streaming.Auth;
using TopGun.Buckets.Tests.Unit.Streaming.Http;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Fuzz;

/// <summary>Whatever arrives at what reads a stranger's bytes, it answers with a refusal at most, and keeps nothing.</summary>
[Collection(MeasuresTheProcess.Name)]
public class HostileInputs
{
    private const string Body =
        """
        {"buckets":[{"name":"2#lists[\"u1\"]","after":"1207"}],"client_id":"6f0b","include_checksum":true,"raw_data":true,
        "parameters":{"region":"eu","deep":[[1,2.5e3,null,"é\u0041\ud83d\ude00"]]},"app_metadata":{"version":"4.1.0"},
        "streams":{"include_defaults":true,"subscriptions":[{"stream":"todos","parameters":{"list":"l9"},"override_priority":1}]}}
        """;

    [Fact]
    public void BSON_documents()
    {
        var output = new ArrayBufferWriter<byte>();
        new FuzzInputs(BsonRequest(), [5, 0, 0, 0, 0]).Run(input =>
        {
            output.ResetWrittenCount();
            using var json = new Utf8JsonWriter(output);
            if (BsonReader.TryConvert(input, json) is not null)
                return;
            json.Flush();
            using var document = JsonDocument.Parse(output.WrittenMemory); // what is accepted is JSON
            if (output.WrittenCount > 64 + (8 * input.Length))
                throw new InvalidOperationException($"{input.Length} bytes became {output.WrittenCount}.");
        });
    }

    [Fact]
    public void MessagePack_messages()
    {
        var output = new ArrayBufferWriter<byte>();
        new FuzzInputs(MessagePackTests.Pack(Body), MessagePackTests.Pack("""{"a":[-1,-200,70000,5000000000,1.5,null,true]}"""), [0x80]).Run(input =>
        {
            output.ResetWrittenCount();
            using var json = new Utf8JsonWriter(output);
            if (MessagePackReader.TryConvert(input, json) is not null)
                return;
            json.Flush();
            using var document = JsonDocument.Parse(output.WrittenMemory); // what is accepted is JSON
            if (output.WrittenCount > 64 + (20 * input.Length))
                throw new InvalidOperationException($"{input.Length} bytes became {output.WrittenCount}.");
            Refusing(() => SyncRequestParser.Parse(output.WrittenMemory, clientIdInQuery: null));
        });
    }

    [Fact]
    public void Frames_of_RSocket()
    {
        var setup = Frame(0, 0x0500, [0, 1, 0, 0, 0, 0, 78, 32, 0, 1, 95, 144, 16, .. Utf8("application/json"), 16, .. Utf8("application/bson"), 0, 0, 13, .. Utf8("""{"token":"T"}""")]);
        var request = Frame(1, 0x1900, [0, 0, 0, 10, 0, 0, 23, .. Utf8("""{"path":"/sync/stream"}"""), .. Utf8(Body)]);
        new FuzzInputs(setup, request, Frame(1, 0x2000, [0, 0, 0, 5]), Frame(0, 0x0C80, new byte[12]), Frame(1, 0x2400, [])).Run(input =>
        {
            if (RSocketFrame.TryRead(input, out var frame) && frame.Metadata.Length + frame.Data.Length + frame.MetadataMimeType.Length > input.Length)
                throw new InvalidOperationException("A frame holds more than the message.");
            Refusing(() => RSocketSetup.Read(input));
        });
    }

    [Fact]
    public void Bodies_of_requests() =>
        new FuzzInputs(Utf8(Body), Utf8("{}"), Utf8("""{"buckets":[],"streams":null}""")).Run(
            input => Refusing(() => SyncRequestParser.Parse(input, clientIdInQuery: null)));

    [Fact]
    public void Tokens()
    {
        var options = Options.Create(new JwtOptions { Secret = TestToken.Secret, Audiences = { TestToken.Audience } });
        var verifier = new TokenVerifier(
            new StaticKeys([VerificationKey.FromSecret(TestToken.Secret, TestToken.KeyId)]),
            new Revocations(new FakeReporter(new TestLog()), options, TimeProvider.System),
            options,
            TimeProvider.System);
        var good = Utf8("Bearer " + TestToken.Valid());
        new FuzzInputs(good, Utf8("Token " + TestToken.Sign(TestToken.Claims(), TestToken.Header("none")))).Run(input => Refusing(() =>
        {
            var verified = verifier.VerifyAsync(Encoding.Latin1.GetString(input), CancellationToken.None);
            if (verified.AsTask().GetAwaiter().GetResult().Subject != "u1")
                throw new InvalidOperationException("A token was forged.");
        }));
    }

    /// <summary>Tokens that are signed as they should be, so that what is wrong with them is found behind the signature.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Tokens_with_a_good_signature(bool isHeader)
    {
        var options = Options.Create(new JwtOptions { Secret = TestToken.Secret, Audiences = { TestToken.Audience } });
        var verifier = new TokenVerifier(
            new StaticKeys([VerificationKey.FromSecret(TestToken.Secret, TestToken.KeyId)]),
            new Revocations(new FakeReporter(new TestLog()), options, TimeProvider.System),
            options,
            TimeProvider.System);
        var (header, payload) = (JsonSerializer.Serialize(TestToken.Header()), JsonSerializer.Serialize(TestToken.Claims()));
        byte[][] seeds = isHeader
            ? [Utf8(header), Utf8("""{"alg":"HS256","kid":"k1","crit":["b64"],"zip":"DEF","jwk":{"kty":"oct"}}""")]
            : [Utf8(payload), Utf8("""{"sub":7,"aud":["a","tests"],"iat":1,"exp":99999999999,"nbf":1e3,"parameters":{"deep":[[[1]]]},"jti":"é\u0041"}""")];
        new FuzzInputs(seeds).Run(input => Refusing(() =>
        {
            var token = isHeader ? Signed(input, Utf8(payload)) : Signed(Utf8(header), input);
            var user = verifier.VerifyAsync("Bearer " + token, CancellationToken.None).AsTask().GetAwaiter().GetResult();
            if (isHeader && user.Subject != "u1")
                throw new InvalidOperationException("The header changed who it is.");
        }));
    }

    [Fact]
    public void Sets_of_keys()
    {
        var set = Utf8(KeySet());
        new FuzzInputs(set, Utf8("""{"keys":[]}""")).Run(input =>
        {
            var refused = new List<string>();
            try
            {
                foreach (var key in JsonWebKeys.Parse(input, allowSecrets: false, refused))
                {
                    if (key.Algorithms.Any(static algorithm => algorithm.StartsWith("HS", StringComparison.Ordinal)))
                        throw new InvalidOperationException("A secret came over the network.");
                }
            }
            catch (FormatException)
            {
                // It is no set.
            }
        });
    }

    [Fact]
    public void Cursors()
    {
        var sealer = new CursorSealer(
            Options.Create(new StreamingOptions { CursorSecret = new string('s', 32) }), Options.Create(new JwtOptions()));
        var good = sealer.Seal([new BucketPosition("2#lists[\"u1\"]", new OpId(1207)), new BucketPosition("2#todos[]", new OpId(7))], "u1/d");
        new FuzzInputs(Utf8(good)).Run(input => Refusing(() =>
        {
            var cursor = Encoding.Latin1.GetString(input);
            if (sealer.Open(cursor, "u1/d").Count > 0 && cursor != good)
                throw new InvalidOperationException("A cursor was forged.");
        }));
    }

    [Fact]
    public void Headers_that_choose_the_form_of_the_answer() =>
        new FuzzInputs(Utf8("application/vnd.powersync.bson-stream;q=0.9,application/x-ndjson;q=0.8"), Utf8("gzip, br;q=1.0, *;q=0")).Run(input =>
        {
            var header = Encoding.Latin1.GetString(input);
            Negotiation.WantsBson(header);
            if (Negotiation.Compression(header) is not (null or "gzip" or "br"))
                throw new InvalidOperationException("There is no such compression.");
        });

    private static string Signed(byte[] header, byte[] payload)
    {
        var text = $"{TestToken.Encode(header)}.{TestToken.Encode(payload)}";
        return $"{text}.{TestToken.Encode(HMACSHA256.HashData(TestToken.Secret, Encoding.ASCII.GetBytes(text)))}";
    }

    private static string KeySet()
    {
        using var point = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var rsa = RSA.Create(2048);
        var (q, numbers) = (point.ExportParameters(includePrivateParameters: false).Q, rsa.ExportParameters(includePrivateParameters: false));
        return $$"""
            {"keys":[{"kty":"EC","crv":"P-256","kid":"e","use":"sig","x":"{{TestToken.Encode(q.X)}}","y":"{{TestToken.Encode(q.Y)}}"},
            {"kty":"RSA","kid":"r","alg":"RS256","key_ops":["verify"],"n":"{{TestToken.Encode(numbers.Modulus)}}","e":"{{TestToken.Encode(numbers.Exponent)}}"},
            {"kty":"oct","kid":"s","k":"{{TestToken.Encode(TestToken.Secret)}}"}]}
            """;
    }

    private static void Refusing(Action action)
    {
        try
        {
            action();
        }
        catch (Exception refusal) when (refusal is SyncException or RSocketException)
        {
            // As it should be.
        }
    }

    private static byte[] BsonRequest()
    {
        byte[] text = [2, .. Utf8("stream"), 0, 6, 0, 0, 0, .. Utf8("todos"), 0];
        byte[] inner = [.. BitConverter.GetBytes(text.Length + 5), .. text, 0];
        byte[] all =
        [
            4, .. Utf8("subscriptions"), 0, .. inner,
            3, .. Utf8("streams"), 0, .. inner,
            16, .. Utf8("n"), 0, 1, 0, 0, 0,
            18, .. Utf8("l"), 0, 1, 0, 0, 0, 0, 0, 0, 0,
            1, .. Utf8("d"), 0, .. BitConverter.GetBytes(1.5),
            7, .. Utf8("o"), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
            8, .. Utf8("b"), 0, 1,
            10, .. Utf8("z"), 0,
        ];
        return [.. BitConverter.GetBytes(all.Length + 5), .. all, 0];
    }

    private static byte[] Frame(byte stream, ushort typeAndFlags, byte[] body) =>
        [0, 0, 0, stream, (byte)(typeAndFlags >> 8), (byte)typeAndFlags, .. body];

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
