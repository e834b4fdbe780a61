namespace Tollgate.Demo.Dashboards;

/// <summary>One query of a panel, as it is in the dashboard's file: its macros and variables are not expanded.</summary>
/// <param name="PanelId">The panel's number in its dashboard.</param>
/// <param name="Panel">The panel's title.</param>
/// <param name="RefId">The query's letter in its panel.</param>
/// <param name="Text">SQL or PromQL.</param>
/// <param name="IsRange">Whether it is asked over time rather than at its end.</param>
/// <param name="MinInterval">The shortest step between points that the panel wants.</param>
/// <param name="MaxPoints">The most points that the panel wants.</param>
internal sealed record DashboardQuery(int PanelId, string Panel, string RefId, string Text, bool IsRange, TimeSpan MinInterval, int MaxPoints);
