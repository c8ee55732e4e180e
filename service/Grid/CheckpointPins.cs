using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

/// <summary>Which checkpoints are being read, so that what only older ones need can be let go. Guarded by the grid's lock.</summary>
/// <remarks>Only the newest checkpoint is ever pinned, so a queue of counters in ascending order is all it takes.</remarks>
internal sealed class CheckpointPins
{
    private readonly LinkedList<Pin> _pins = [];

    /// <summary>Pins the newest checkpoint.</summary>
    public Pin Take(OpId newest)
    {
        if (_pins.Last is not { Value: var pin } || pin.OpId != newest)
        {
            pin = new Pin(newest);
            _pins.AddLast(pin);
        }
        pin.Count++;
        return pin;
    }

    public void Release(Pin pin)
    {
        pin.Count--;
        while (_pins.First is { Value.Count: 0 })
            _pins.RemoveFirst();
    }

    /// <summary>The oldest checkpoint that anybody reads or may still begin to read.</summary>
    public OpId Oldest(OpId newest) => _pins.First is { } first && first.Value.OpId < newest ? first.Value.OpId : newest;

    public void Clear() => _pins.Clear();

    internal sealed class Pin(OpId opId)
    {
        public OpId OpId { get; } = opId;

        public int Count { get; set; }
    }
}
