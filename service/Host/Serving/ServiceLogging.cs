using Microsoft.Extensions.Logging.Console;

namespace TopGun.Buckets.Host;

/// <summary>One line per event on the console, for people and for whatever collects them.</summary>
internal static class ServiceLogging
{
    public static void Configure(ILoggingBuilder logging)
    {
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        });
        logging.SetMinimumLevel(LogLevel.Information);
        logging.AddFilter("Microsoft", LogLevel.Warning); // requests are not news
    }
}
