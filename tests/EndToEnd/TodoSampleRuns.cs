using System.Reflection;
using System.Runtime.CompilerServices;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The sample app of the client, as somebody at a command line runs it.</summary>
public sealed class TodoSampleRuns : IDisposable
{
    // It runs from its own folder, with nothing but what an app has that installs the package.
    private static readonly string Program = Path.Combine(
        Folder(), "../../client/Samples/Todo/bin", typeof(TodoSampleRuns).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration, "net10.0/todo");

    /// <summary>The same as one native executable, compiled ahead of time.</summary>
    private static readonly string? Native = Environment.GetEnvironmentVariable("TOPGUN_TEST_NATIVE_TODO");

    private readonly string _folder = Directory.CreateTempSubdirectory("topgun-client-").FullName;
    private bool _native;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_ann_adds_is_in_postgres_and_on_bobs_device_and_what_bob_ticks_off_is_ticked_off(bool native)
    {
        Assert.SkipWhen(
            native && Native is null, "Run tests/run, or publish client/Samples/Todo with -p:Native=true and name the executable in TOPGUN_TEST_NATIVE_TODO.");
        _native = native;
        await using var demo = await DemoService.StartAsync();
        await using var backend = await DemoBackendProcess.StartAsync(demo.Database, demo.Process.Url);

        Assert.Contains("everybody sees it", await RunAsync(backend, "ann", "add", DemoService.SharedList, "Buy", "milk"), StringComparison.Ordinal);
        var id = await demo.Database.ReadAsync<Guid>("SELECT id FROM todos WHERE title = 'Buy milk' AND NOT done");
        Assert.Contains($"  [ ] Buy milk  {id}", await RunAsync(backend, "bob", "lists"), StringComparison.Ordinal);
        Assert.Contains("everybody sees it", await RunAsync(backend, "bob", "done", id.ToString()), StringComparison.Ordinal);

        Assert.True(await demo.Database.ReadAsync<bool>("SELECT done FROM todos WHERE title = 'Buy milk'"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<string> RunAsync(DemoBackendProcess backend, params string[] args)
    {
        var environment = new Dictionary<string, string> { ["TODO_BACKEND"] = backend.Url.ToString(), ["TODO_FOLDER"] = _folder };
        await using var todo = _native ? SupervisedProcess.StartExecutable(Native!, args, environment) : SupervisedProcess.Start(Program, args, environment);
        Assert.True(await todo.WaitForExitAsync() == 0, todo.Output);
        return todo.Output;
    }

    private static string Folder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
