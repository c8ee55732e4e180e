using System.Collections;
using System.Data.Common;
using System.Globalization;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Queries;

namespace TopGun.Buckets.Client.Ado;

/// <summary>The parameters of a command.</summary>
internal sealed class ParameterList : DbParameterCollection
{
    private readonly List<Parameter> _list = [];

    public override int Count => _list.Count;

    public override object SyncRoot => _list;

    /// <summary>Gives a statement what it asks for: by name, by number, or in order.</summary>
    /// <param name="statement">The statement.</param>
    /// <param name="place">The next of those that are taken in order; the statements of a command share them.</param>
    public void Bind(Statement statement, ref int place)
    {
        for (var index = 1; index <= statement.ParameterCount; index++)
        {
            var name = statement.ParameterName(index);
            var at = name switch
            {
                null => place++,
                ['?', .. var number] => int.Parse(number, CultureInfo.InvariantCulture) - 1,
                _ => IndexOf(name),
            };
            if (at < 0 || at >= _list.Count)
                throw ClientErrors.NoSuchParameter(name ?? $"number {at + 1}");
            SqlParameters.Bind(statement, index, _list[at].Value);
        }
    }

    public override int Add(object value)
    {
        _list.Add(Own(value));
        return _list.Count - 1;
    }

    public override void AddRange(Array values)
    {
        foreach (var value in values)
            Add(value!);
    }

    public override void Clear() => _list.Clear();

    public override bool Contains(object value) => IndexOf(value) >= 0;

    public override bool Contains(string value) => IndexOf(value) >= 0;

    public override void CopyTo(Array array, int index) => ((ICollection)_list).CopyTo(array, index);

    public override IEnumerator GetEnumerator() => _list.GetEnumerator();

    public override int IndexOf(object value) => value is Parameter parameter ? _list.IndexOf(parameter) : -1;

    public override int IndexOf(string parameterName)
    {
        var name = Parameter.Plain(parameterName);
        for (var index = 0; index < _list.Count; index++)
        {
            if (Parameter.Plain(_list[index].ParameterName).Equals(name, StringComparison.OrdinalIgnoreCase))
                return index;
        }
        return -1;
    }

    public override void Insert(int index, object value) => _list.Insert(index, Own(value));

    public override void Remove(object value) => _list.Remove(Own(value));

    public override void RemoveAt(int index) => _list.RemoveAt(index);

    public override void RemoveAt(string parameterName) => _list.RemoveAt(Existing(parameterName));

    protected override DbParameter GetParameter(int index) => _list[index];

    protected override DbParameter GetParameter(string parameterName) => _list[Existing(parameterName)];

    protected override void SetParameter(int index, DbParameter value) => _list[index] = Own(value);

    protected override void SetParameter(string parameterName, DbParameter value) => _list[Existing(parameterName)] = Own(value);

    private static Parameter Own(object value) =>
        value as Parameter ?? throw new ArgumentException("The parameter is of another provider; make it with CreateParameter.", nameof(value));

    private int Existing(string name) => IndexOf(name) is >= 0 and var index ? index : throw ClientErrors.NoSuchParameter(name);
}
