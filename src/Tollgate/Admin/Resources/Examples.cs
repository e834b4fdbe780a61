namespace Tollgate.Admin.Resources;

/// <summary>Bodies as the description of the API and the tests show them; each is valid.</summary>
internal static class Examples
{
    public const string Customer = """{"id":"acme","name":"Acme Ltd"}""";
    public const string Team = """{"id":"search","name":"Search","customer":"acme"}""";
    public const string Project = """{"id":"ranking","name":"Ranking","team":"search"}""";
    public const string Key = """{"name":"Alice's laptop","developer":"alice","team":"search","allowedModels":["claude-*"]}""";
    public const string Budget = """{"id":"search-month","scope":"team","value":"search","limitUsd":"500.00","window":"month","mode":"expected"}""";
    public const string Limit = """{"id":"alice-rpm","scope":"developer","value":"alice","metric":"requests","limit":60,"per":"00:01:00"}""";
    public const string ProviderKey = """{"id":"anthropic-main","upstream":"anthropic","secret":"sk-ant-example"}""";
    public const string Webhook = """{"id":"finance","url":"https://hooks.example.com/tollgate","secret":"0123456789abcdef","events":["budget.*"]}""";
    public const string Person = """{"id":"alice","email":"alice@example.com","role":"editor","team":"search"}""";
    public const string AdminToken = """{"id":"grafana01","name":"Dashboards","role":"viewer"}""";
}
