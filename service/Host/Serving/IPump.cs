namespace TopGun.Buckets.Host;

/// <summary>What keeps the grid filled, for as long as the process lives.</summary>
internal interface IPump
{
    /// <summary>Throws what ended it, if anything did.</summary>
    void ThrowIfFailed();
}
