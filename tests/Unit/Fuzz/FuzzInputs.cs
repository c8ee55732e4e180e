using System.Globalization;

namespace TopGun.Buckets.Tests.Unit.Fuzz;

/// <summary>Inputs of a stranger: good ones, cut, bent, mixed and made up. The seed is part of every failure.</summary>
/// <param name="seeds">Good inputs to start from.</param>
internal sealed class FuzzInputs(params byte[][] seeds)
{
    private const int DefaultCount = 100_000; // seconds for all targets; TOPGUN_FUZZ_INPUTS=10000000 is for a night

    public static int Count =>
        int.TryParse(Environment.GetEnvironmentVariable("TOPGUN_FUZZ_INPUTS"), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            ? count
            : DefaultCount;

    /// <summary>Gives each input to a target, which must neither throw nor keep anything.</summary>
    public void Run(Action<byte[]> target)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var kept = 0L;
        for (var round = 0; round < Count; round++)
        {
            var input = Make(random);
            try
            {
                target(input);
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"Seed {seed}, round {round}, input {Convert.ToHexString(input)}", failure);
            }
            if (round == Count / 10)
                kept = GC.GetTotalMemory(forceFullCollection: true); // what is made once has been made by now
        }
        var grown = GC.GetTotalMemory(forceFullCollection: true) - kept;
        if (grown > 16 << 20)
            throw new InvalidOperationException($"Seed {seed}: {grown} bytes were kept of {Count} inputs.");
    }

    private byte[] Make(Random random)
    {
        if (random.Next(20) == 0)
        {
            var noise = new byte[random.Next(64)];
            random.NextBytes(noise);
            return noise;
        }
        var input = seeds[random.Next(seeds.Length)].ToList();
        for (var changes = random.Next(1, 5); changes > 0 && input.Count > 0; changes--)
        {
            var at = random.Next(input.Count);
            switch (random.Next(7))
            {
                case 0:
                    input[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    input[at] = (byte)random.Next(256);
                    break;
                case 2:
                    input.RemoveRange(at, Math.Min(random.Next(1, 9), input.Count - at));
                    break;
                case 3:
                    input.InsertRange(at, input.GetRange(at, Math.Min(random.Next(1, 17), input.Count - at)));
                    break;
                case 4:
                    input.RemoveRange(at, input.Count - at);
                    break;
                case 5:
                    var other = seeds[random.Next(seeds.Length)];
                    input.InsertRange(at, other[random.Next(other.Length)..]);
                    break;
                default:
                    // Lengths and numbers at their edges.
                    byte[][] edges = [[0, 0, 0, 0], [255, 255, 255, 127], [255, 255, 255, 255], [0, 0, 0, 128], [127, 255, 255, 255], [1, 0, 0, 0]];
                    var edge = edges[random.Next(edges.Length)];
                    for (var index = 0; index < edge.Length && at + index < input.Count; index++)
                        input[at + index] = edge[index];
                    break;
            }
        }
        return [.. input];
    }
}
