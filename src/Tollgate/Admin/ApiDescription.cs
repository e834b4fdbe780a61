using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Tollgate.Admin.Access;
using Tollgate.Admin.Resources;
using Tollgate.Admin.Wire;
using Tollgate.Configuration;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Admin;

/// <summary>What <c>/openapi/v1.json</c> says beyond what ASP.NET reads off the routes: roles, errors, parameters, rules of fields, examples.</summary>
internal static class ApiDescription
{
    private const string Token = "token";
    private const string VirtualKey = "virtualKey";

    private static readonly (int Status, string Meaning)[] Errors =
    [
        (400, "The body or the query is not valid; errors names each field."),
        (401, "No valid credential."),
        (403, "Not allowed to this role, or not below the team or customer that you are confined to."),
        (429, "Too many wrong credentials from this address; see Retry-After."),
        (503, "The control store can't be reached; nothing was changed."),
    ];

    /// <summary>Sets the description up.</summary>
    public static void Configure(OpenApiOptions options)
    {
        options.AddDocumentTransformer(DescribeDocument);
        options.AddOperationTransformer(DescribeOperation);
        options.AddSchemaTransformer(DescribeSchema);
    }

    private static Task DescribeDocument(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellation)
    {
        document.Info = new OpenApiInfo
        {
            Title = "Tollgate admin API",
            Version = "v1",
            Description = "Names are in camelCase, as in tollgate.json; under /v1/organizations they are Anthropic's. Money is text in US dollars, exact to nine decimals. Times are RFC 3339 in UTC. "
                + "Lists answer data, hasMore and next; give next as after. Errors are problems as RFC 9457 shapes them.",
        };
        document.Servers = [];
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            [Token] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "admin.token, an admin token (tgadmin_…), or for /api/me a virtual key (tg_…)." },
            [VirtualKey] = new OpenApiSecurityScheme { Type = SecuritySchemeType.ApiKey, In = ParameterLocation.Header, Name = "x-tollgate-key", Description = "A virtual key, for /api/me." },
        };
        return Task.CompletedTask;
    }

    private static async Task DescribeOperation(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellation)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        var access = metadata.OfType<RouteAccess>().LastOrDefault();
        if (access is { IsPublic: false })
        {
            operation.Description = $"Least role: {OptionsShape.EnumText(access.Least)}{(access.UnconfinedOnly ? ", confined to no team or customer" : string.Empty)}.";
            operation.Security =
            [
                new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Token, context.Document)] = [] },
            ];
            if (access.Least == Control.Role.Developer)
            {
                operation.Security.Add(new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(VirtualKey, context.Document)] = [] });
            }

            var problem = await context.GetOrCreateSchemaAsync(typeof(ProblemAnswer), null, cancellation);
            operation.Responses ??= [];
            var isAnthropic = context.Description.RelativePath!.StartsWith("v1/", StringComparison.Ordinal);
            foreach (var (status, meaning) in ErrorsOf(operation, metadata))
            {
                operation.Responses[status.ToString(CultureInfo.InvariantCulture)] = new OpenApiResponse
                {
                    Description = meaning,
                    Content = isAnthropic ? null : new Dictionary<string, OpenApiMediaType> { ["application/problem+json"] = new() { Schema = Reference(problem, context.Document!) } },
                };
            }
        }

        operation.Parameters ??= [];
        foreach (var name in metadata.OfType<QueryParameters>().SelectMany(static parameters => parameters.Names))
        {
            var isList = name.EndsWith("[]", StringComparison.Ordinal);
            operation.Parameters.Add(new OpenApiParameter
            {
                Name = name,
                In = ParameterLocation.Query,
                Description = Meaning(name),
                Schema = isList
                    ? new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema { Type = JsonSchemaType.String } }
                    : name == "limit" ? new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = QueryReader.MostOnPage.ToString(CultureInfo.InvariantCulture) } : new OpenApiSchema { Type = JsonSchemaType.String },
            });
        }

        if (metadata.OfType<NeedsIfMatch>().Any())
        {
            operation.Parameters.Add(new OpenApiParameter
            {
                Name = "If-Match",
                In = ParameterLocation.Header,
                Required = true,
                Description = "The ETag that GET answered, or * to change any revision.",
                Schema = new OpenApiSchema { Type = JsonSchemaType.String },
            });
        }

        if (metadata.OfType<BodyExample>().LastOrDefault() is { } example && operation.RequestBody?.Content?.TryGetValue("application/json", out var media) == true && media is OpenApiMediaType body)
        {
            body.Example = JsonNode.Parse(example.Json);
        }
    }

    private static IEnumerable<(int, string)> ErrorsOf(OpenApiOperation operation, IList<object> metadata)
    {
        foreach (var error in Errors)
        {
            yield return error;
        }

        if (operation.Parameters?.Any(static parameter => parameter.In == ParameterLocation.Path) == true)
        {
            yield return (404, "There is none of this id that you may see.");
        }

        if (operation.RequestBody is not null)
        {
            yield return (409, "The id is taken, somebody was faster, or tollgate.json declares it.");
            yield return (413, "The body is too large.");
            yield return (415, "The body is not application/json.");
        }

        if (metadata.OfType<NeedsIfMatch>().Any())
        {
            yield return (412, "The object has another revision by now.");
            yield return (428, "If-Match is missing.");
        }
    }

    private static OpenApiSchemaReference Reference(OpenApiSchema schema, OpenApiDocument document)
    {
        const string id = nameof(ProblemAnswer);
        document.Components ??= new OpenApiComponents();
        document.Components.Schemas ??= new Dictionary<string, IOpenApiSchema>();
        document.Components.Schemas.TryAdd(id, schema);
        return new OpenApiSchemaReference(id, document);
    }

    private static string Meaning(string parameter) => parameter switch
    {
        "limit" => "Most entries on the page.",
        "after" => "next of the page before.",
        "text" => "A text that the id, the name or another text of the object contains.",
        "page" => "next_page of the page before.",
        "since" => "Not before this time.",
        "until" => "Before this time.",
        _ => "Exactly this.",
    };

    private static Task DescribeSchema(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellation)
    {
        var type = Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type;
        if (type == typeof(Nanodollars))
        {
            schema.Type = JsonSchemaType.String;
            schema.Format = "decimal";
            schema.Pattern = @"^[0-9]{1,10}(\.[0-9]{1,9})?$";
            schema.Description = "US dollars, exact.";
            schema.Properties = null;
        }
        else if (type == typeof(DateTimeOffset) || type == typeof(TimeSpan))
        {
            schema.Type = JsonSchemaType.String;
            schema.Pattern = null;
        }
        else if (type.IsEnum)
        {
            schema.Type = JsonSchemaType.String;
            schema.Enum = [.. OptionsShape.EnumTexts(type).Select(static text => (JsonNode)JsonValue.Create(text)!)];
        }

        // Those are written with Anthropic's names.
        if (type.Namespace == typeof(SpendLimits.SpendLimitView).Namespace && context.JsonPropertyInfo is null && schema.Properties is { } properties)
        {
            schema.Properties = properties.ToDictionary(static pair => JsonNamingPolicy.SnakeCaseLower.ConvertName(pair.Key), static pair => pair.Value);
            schema.Required = schema.Required?.Select(JsonNamingPolicy.SnakeCaseLower.ConvertName).ToHashSet();
        }

        if (context.JsonPropertyInfo is { } property && property.AttributeProvider is System.Reflection.PropertyInfo info)
        {
            ApplyRules(schema, info);
        }

        return Task.CompletedTask;
    }

    private static void ApplyRules(OpenApiSchema schema, System.Reflection.PropertyInfo info)
    {
        var key = Array.Find(OptionsShape.KeysOf(info.ReflectedType!), key => key.Property.Name == info.Name);
        foreach (var rule in key?.Rules.GetCustomAttributes(typeof(ValidationAttribute), inherit: false) ?? [])
        {
            switch (rule)
            {
                case RegularExpressionAttribute expression:
                    schema.Pattern = expression.Pattern;
                    break;
                case RangeAttribute range:
                    schema.Minimum = Convert.ToString(range.Minimum, CultureInfo.InvariantCulture);
                    schema.Maximum = Convert.ToString(range.Maximum, CultureInfo.InvariantCulture);
                    break;
                case ItemCountAttribute count:
                    schema.MaxItems = count.Maximum;
                    break;
                case AllowedValuesAttribute allowed:
                    schema.Enum = [.. allowed.Values.Select(static value => (JsonNode)JsonValue.Create((string)value!)!)];
                    break;
                default:
                    break;
            }
        }

        if (key?.IsSensitive == true)
        {
            schema.WriteOnly = true;
        }
    }
}
