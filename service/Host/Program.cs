using TopGun.Buckets.Host;

return await CommandLine.Create().Parse(args).InvokeAsync();
