using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary>The lines of a response, one after the other.</summary>
internal sealed class LinesUnderTest : IDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly StreamReader _reader;

    private LinesUnderTest(HttpResponseMessage response, StreamReader reader)
    {
        _response = response;
        _reader = reader;
    }

    public static async Task<LinesUnderTest> OpenAsync(HttpResponseMessage response) =>
        new(response, new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken)));

    /// <summary>The next line, or null at the end.</summary>
    public async Task<string?> NextAsync()
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Support.Patience.Limit);
        return await _reader.ReadLineAsync(deadline.Token);
    }

    /// <summary>Lines up to and with the next full completion.</summary>
    public async Task<List<string>> NextCheckpointAsync()
    {
        var lines = new List<string>();
        while (lines.Count == 0 || !lines[^1].StartsWith("{\"checkpoint_complete\"", StringComparison.Ordinal))
            lines.Add(await NextAsync() ?? throw new InvalidOperationException($"The stream ended after: {string.Join('\n', lines)}"));
        return lines;
    }

    /// <summary>Lines up to the end.</summary>
    public async Task<List<string>> RestAsync()
    {
        var lines = new List<string>();
        while (await NextAsync() is { } line)
            lines.Add(line);
        return lines;
    }

    public void Dispose()
    {
        _reader.Dispose();
        _response.Dispose();
    }
}
