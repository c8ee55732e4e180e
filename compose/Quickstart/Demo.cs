using Npgsql;
using TopGun.Buckets.Host;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Quickstart;

/// <summary>Starts everything, shows it, and takes everything down again.</summary>
internal static class Demo
{
    public static async Task<int> RunAsync(QuickstartOptions options, CancellationToken cancellationToken)
    {
        try
        {
            if (!SourceAddress.TryParse(options.Server, out var server))
                throw new QuickstartException($"TOPGUN_SOURCE_URL must be {SettingList.Source.Rule}.");
            await using var stack = await DemoStack.StartAsync(server.ConnectionString, options, cancellationToken);
            await using var ann = await Device.ConnectAsync("ann", stack, options.Folder, cancellationToken);
            await using var bob = await Device.ConnectAsync("bob", stack, options.Folder, cancellationToken);
            if (options.IsCheck)
                await new CheckRound(stack, ann, bob, Console.Out).RunAsync(cancellationToken);
            else
                await ShowAsync(stack, ann, bob, cancellationToken);
            return 0;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return options.IsCheck ? 1 : 0; // Ctrl-C is how the live screen ends
        }
        catch (Exception failure) when (failure is QuickstartException or BucketsException or NpgsqlException or IOException)
        {
            await Console.Error.WriteLineAsync($"quickstart: {failure.Message}");
            return 1;
        }
    }

    private static async Task ShowAsync(DemoStack stack, Device ann, Device bob, CancellationToken cancellationToken)
    {
        var screen = new DemoScreen(ann, bob, TimeProvider.System);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var drawing = screen.RunAsync(ending.Token);
        var acting = new DemoActivity(stack, ann, bob, screen, TimeProvider.System).RunAsync(ending.Token);

        await Task.WhenAny(drawing, acting); // neither ends by itself, so the first to end has failed or was cancelled
        await ending.CancelAsync();
        await Task.WhenAll(drawing, acting);
    }
}
