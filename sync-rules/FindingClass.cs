namespace TopGun.Buckets.SyncRules;

/// <summary>Classes of findings, and the stable code of each.</summary>
internal static class FindingClass
{
    public const string YamlSyntax = "yaml_syntax";
    public const string YamlStructure = "yaml_structure";
    public const string SqlSyntax = "sql_syntax";
    public const string SqlUnsupported = "sql_unsupported";
    public const string SqlReference = "sql_reference";
    public const string SqlSemantics = "sql_semantics";

    public const string ClientControlledParameter = "client_controlled_parameter";
    public const string IdentifierCase = "identifier_case";
    public const string TableNotFound = "table_not_found";
    public const string ColumnNotFound = "column_not_found";
    public const string MissingId = "missing_id";
    public const string MissingAlias = "missing_alias";
    public const string StarAfterAlias = "star_after_alias";
    public const string AliasedPrimaryTable = "aliased_primary_table";
    public const string UnusedCte = "unused_cte";
    public const string CteShadowsTable = "cte_shadows_table";
    public const string AutoSubscribeWithParameters = "auto_subscribe_with_subscription_parameters";
    public const string StreamsPreviewEdition = "streams_preview_edition";
    public const string StorageVersionUnstable = "storage_version_unstable";
    public const string PointlessTableSuffix = "pointless_table_suffix";
    public const string ArgumentCount = "argument_count";
    public const string RedundantDistinct = "redundant_distinct";

    public const string PlanForm = "plan_form";

    public static string CodeOf(string findingClass) => findingClass switch
    {
        YamlSyntax => "TGB3001",
        YamlStructure => "TGB3002",
        SqlSyntax => "TGB3003",
        SqlUnsupported => "TGB3004",
        SqlReference => "TGB3005",
        SqlSemantics => "TGB3006",
        ClientControlledParameter => "TGB3020",
        IdentifierCase => "TGB3021",
        TableNotFound => "TGB3022",
        ColumnNotFound => "TGB3023",
        MissingId => "TGB3024",
        MissingAlias => "TGB3025",
        StarAfterAlias => "TGB3026",
        AliasedPrimaryTable => "TGB3027",
        UnusedCte => "TGB3028",
        CteShadowsTable => "TGB3029",
        AutoSubscribeWithParameters => "TGB3030",
        StreamsPreviewEdition => "TGB3031",
        StorageVersionUnstable => "TGB3032",
        PointlessTableSuffix => "TGB3033",
        ArgumentCount => "TGB3034",
        RedundantDistinct => "TGB3035",
        PlanForm => "TGB3040",
        _ => "TGB3000",
    };
}
