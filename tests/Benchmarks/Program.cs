using TopGun.Buckets.Tests.Benchmarks;

return await BenchmarkList.RunAsync(args);
