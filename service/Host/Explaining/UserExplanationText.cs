using System.Globalization;
using System.Text;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Explain;

namespace TopGun.Buckets.Host;

/// <summary>The explanation of a request for people.</summary>
internal sealed class UserExplanationText
{
    private readonly StringBuilder _text = new();
    private readonly BucketRequest _request;

    private UserExplanationText(BucketRequest request) => _request = request;

    public static string Of(UserExplanation explanation, BucketRequest request)
    {
        var text = new UserExplanationText(request);
        text.Write(explanation);
        return text._text.ToString();
    }

    private void Write(UserExplanation explanation)
    {
        Line($"token: {_request.Token.GetRawText()}");
        foreach (var note in explanation.Notes)
            Line($"note: {note}");
        foreach (var definition in explanation.Definitions)
            Write(definition);
        Line();
        if (explanation.Problem is not null)
        {
            Line($"The request fails: {explanation.Problem}");
            return;
        }
        Line(explanation.Buckets.Count == 0 ? "The user gets no bucket." : $"The user gets {PlainText.Count(explanation.Buckets.Count, "bucket")}:");
        foreach (var bucket in explanation.Buckets)
            Line(string.Create(CultureInfo.InvariantCulture, $"  {bucket.Name}  priority {bucket.Priority}"));
    }

    private void Write(ExplainedDefinition definition)
    {
        Line();
        Line($"{(definition.IsStream ? "stream" : "bucket definition")} {definition.Name}");
        if (definition.Problem is not null)
            Line($"  {definition.Problem}");
        foreach (var way in definition.Ways)
            Write(way);
    }

    private void Write(ExplainedWay way)
    {
        var subscription = way.Subscription < 0 ? "" : string.Create(
            CultureInfo.InvariantCulture, $", subscription {way.Subscription + 1}{Parameters(_request.Subscriptions[way.Subscription])}");
        Line(way.Query.Length == 0
            ? "  without parameters: for everyone"
            : string.Create(CultureInfo.InvariantCulture, $"  line {way.Line}{subscription}: {way.Query}"));
        foreach (var condition in way.Conditions)
            Line($"    {condition.Text}  is  {condition.Problem ?? condition.Value.Json}");
        foreach (var stage in way.Stages)
            Write(stage);
        foreach (var key in way.Keys.Where(key => key.Value is not null))
            Line($"    {key.Text}  is  {key.Value}");
        foreach (var bucket in way.Buckets)
            Line(string.Create(CultureInfo.InvariantCulture, $"    gives bucket {bucket}, priority {way.Priority}"));
        if (way.WhyNone is not null)
            Line($"    gives no bucket {way.Family}[…]: {way.WhyNone}");
    }

    private void Write(ExplainedStage stage)
    {
        var conditions = stage.Links.Concat(stage.Filters).ToList();
        Line($"    {(stage.Table is null ? "elements of" : "rows of")} {stage.Source}{(conditions.Count == 0 ? "" : " with " + string.Join(" and ", conditions))}");
        if (!stage.IsReached)
            Line("      not looked up: nothing to look for");
        foreach (var find in stage.Finds)
        {
            if (find.Key.Count > 0)
                Line($"      for {Values(find.Key)}{(find.Rows.Count == 0 ? ": none" : ":")}");
            else if (find.Rows.Count == 0)
                Line("      none");
            foreach (var row in find.Rows)
                Write(row);
        }
    }

    private void Write(ExplainedFound row)
    {
        var gives = row.Gives.Count == 0 ? "" : $" gives {Values(row.Gives)}";
        Line($"        {row.Row}{gives}{(row.WhyNot is null ? "" : $" — does not count: {row.WhyNot}")}");
    }

    private static string Parameters(StreamSubscription subscription) =>
        subscription.Parameters.ValueKind == System.Text.Json.JsonValueKind.Undefined ? "" : $" with {subscription.Parameters.GetRawText()}";

    private static string Values(IReadOnlyList<ExplainedColumn> columns) =>
        string.Join(", ", columns.Select(column => $"{column.Name} = {PlainText.Short(column.Value.Json)}"));

    private void Line(string text = "") => _text.Append(PlainText.Safe(text)).Append('\n');
}
