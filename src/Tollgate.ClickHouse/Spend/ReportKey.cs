namespace Tollgate.ClickHouse.Spend;

/// <summary>What the lines of a report are.</summary>
public enum ReportKey
{
    /// <summary>Local days.</summary>
    Day,

    /// <summary>Local weeks, named by their first day.</summary>
    Week,

    /// <summary>Local months, as <c>2026-11</c>.</summary>
    Month,

    /// <summary>Sessions of the client; requests without one are one line with an empty key.</summary>
    Session,

    /// <summary>Developers.</summary>
    Developer,

    /// <summary>Teams.</summary>
    Team,

    /// <summary>Projects.</summary>
    Project,

    /// <summary>Models, as served.</summary>
    Model,
}
