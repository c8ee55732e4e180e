using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace TopGun.Buckets.SyncRules.Yaml;

/// <summary>Reads YAML into a tree in which every node knows its place.</summary>
internal sealed class YamlReader
{
    // A rules file is four levels deep and a long one has 100 KB; the limits only keep hostile input cheap.
    private const int MaxDepth = 32;
    private const int MaxLength = 256 << 10;
    private const int MaxNodes = 20_000;

    private const char ByteOrderMark = '\uFEFF';

    private readonly Findings _findings;
    private readonly Parser _parser;
    private readonly string _text;
    private readonly int _start;
    private int _nodes;

    private YamlReader(string text, Findings findings)
    {
        _text = text;
        _start = text.StartsWith(ByteOrderMark) ? 1 : 0;
        _findings = findings;
        _parser = new Parser(new StringReader(text[_start..]));
    }

    /// <summary>The root node, or null after a mistake or for an empty file, both reported.</summary>
    public static YamlNode? Read(string text, Findings findings)
    {
        if (text.Length > MaxLength)
        {
            findings.Error(FindingClass.YamlStructure, default, $"The file is longer than {MaxLength} characters.");
            return null;
        }
        var reader = new YamlReader(text, findings);
        try
        {
            return reader.ReadDocument();
        }
        catch (YamlException problem)
        {
            YamlMistake.Report(text, reader.Place(problem.Start, problem.End), problem.Message, findings);
            return null;
        }
        catch (Exception problem) when (problem is InvalidOperationException or ArgumentException or IndexOutOfRangeException or FormatException
            or OverflowException)
        {
            // The YAML library throws these for some malformed input; for the author they are the same mistake.
            var end = reader._parser.Current?.End ?? Mark.Empty;
            YamlMistake.Report(text, reader.Place(end, end), "What follows here is malformed.", findings);
            return null;
        }
    }

    private YamlNode? ReadDocument()
    {
        _parser.Consume<StreamStart>();
        if (_parser.Accept<StreamEnd>(out _))
        {
            _findings.Error(FindingClass.YamlStructure, default, "The file is empty; expected 'bucket_definitions' or 'streams'.");
            return null;
        }
        _parser.Consume<DocumentStart>();
        var root = ReadNode(depth: 0);
        _parser.Consume<DocumentEnd>();
        if (!_parser.Accept<StreamEnd>(out _))
        {
            _parser.Accept<ParsingEvent>(out var next);
            _findings.Error(FindingClass.YamlSyntax, Place(next!.Start, next.End), "A rules file is one YAML document; this starts a second one.");
            return null;
        }
        return root;
    }

    private YamlNode ReadNode(int depth)
    {
        if (depth > MaxDepth)
            throw new YamlException(_parser.Current!.Start, _parser.Current.End, $"The file nests more than {MaxDepth} levels.");
        if (++_nodes > MaxNodes)
            throw new YamlException(_parser.Current!.Start, _parser.Current.End, $"The file has more than {MaxNodes} keys, values and lists.");
        if (_parser.TryConsume<Scalar>(out var scalar))
            return ReadScalar(scalar);
        if (_parser.TryConsume<AnchorAlias>(out var alias))
            return new YamlAlias(Place(alias.Start, alias.End));
        if (_parser.TryConsume<SequenceStart>(out var sequence))
        {
            var items = new List<YamlNode>();
            SequenceEnd end;
            while (!_parser.TryConsume(out end!))
                items.Add(ReadNode(depth + 1));
            return new YamlList(items, Closed(Place(sequence.Start, end.End), sequence.Style == SequenceStyle.Flow));
        }
        return ReadMap(_parser.Consume<MappingStart>(), depth);
    }

    private YamlMap ReadMap(MappingStart start, int depth)
    {
        var entries = new List<(YamlScalar Key, YamlNode Value)>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        MappingEnd end;
        while (!_parser.TryConsume(out end!))
        {
            var key = ReadNode(depth + 1);
            var value = ReadNode(depth + 1);
            if (key is not YamlScalar name)
                _findings.Error(FindingClass.YamlStructure, key.Place, "A key must be a text.");
            else if (!names.Add(name.Value))
                _findings.Error(FindingClass.YamlSyntax, key.Place, $"The key '{name.Value}' appears twice.");
            else
                entries.Add((name, value));
        }
        return new YamlMap(entries, Closed(Place(start.Start, end.End), start.Style == MappingStyle.Flow));
    }

    private YamlScalar ReadScalar(Scalar scalar)
    {
        var style = scalar.Style switch
        {
            ScalarStyle.SingleQuoted => YamlScalarStyle.SingleQuoted,
            ScalarStyle.DoubleQuoted => YamlScalarStyle.DoubleQuoted,
            ScalarStyle.Literal or ScalarStyle.Folded => YamlScalarStyle.Block,
            _ => YamlScalarStyle.Plain,
        };
        var place = Place(scalar.Start, scalar.End);
        return new YamlScalar(scalar.Value, style, place with { End = Math.Min(place.End, _text.Length) });
    }

    // The library does not count the closing bracket.
    private YamlPlace Closed(YamlPlace place, bool hasBrackets) =>
        hasBrackets && place.End < _text.Length && _text[place.End] is ']' or '}' ? place with { End = place.End + 1 } : place;

    private YamlPlace Place(in Mark start, in Mark end) => new((int)start.Index + _start, (int)end.Index + _start);
}
