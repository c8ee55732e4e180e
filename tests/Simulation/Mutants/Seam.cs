using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>Stands in front of an object and may do something else for some of its methods.</summary>
/// <typeparam name="T">The interface in between.</typeparam>
[SuppressMessage("Performance", "CA1852", Justification = "The stand-in is made from it.")]
internal class Seam<T> : DispatchProxy
    where T : class
{
    private T _target = null!;
    private Around _around = null!;

    /// <summary>What is done instead of a call.</summary>
    /// <param name="method">Name of the method.</param>
    /// <param name="arguments">Its arguments; may be changed.</param>
    /// <param name="call">Makes the call.</param>
    public delegate object? Around(string method, object?[] arguments, Func<object?> call);

    public static T In(T target, Around around)
    {
        var proxy = Create<T, Seam<T>>();
        var seam = (Seam<T>)(object)proxy;
        (seam._target, seam._around) = (target, around);
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var arguments = args ?? [];
        return _around(
            targetMethod!.Name,
            arguments,
            () => targetMethod.Invoke(_target, BindingFlags.DoNotWrapExceptions, binder: null, arguments, culture: null));
    }
}
