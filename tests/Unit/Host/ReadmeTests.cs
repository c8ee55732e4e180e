using TopGun.Buckets.Host;
using TopGun.Buckets.Tests.Unit.Compose;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Host;

public class ReadmeTests
{
    [Fact]
    public void The_table_of_settings_is_the_declared_list()
    {
        var rows = File.ReadAllLines(Repository.Path("README.md"))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Where(cells => cells.Length == 6 && cells[2].StartsWith('`'))
            .Select(cells => (Name: cells[1], Variable: cells[2], Flag: cells[3], Default: cells[4]));

        Assert.Equal(SettingList.All.Select(setting => (
            setting.Name,
            $"`{setting.Variable}`",
            setting.Flag is null ? "" : $"`{setting.Flag}`",
            setting.Default is null ? "" : $"`{setting.Default}`")), rows);
    }
}
