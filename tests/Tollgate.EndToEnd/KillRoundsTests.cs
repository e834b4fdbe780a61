using Tollgate.Testing.Soak;

namespace Tollgate.EndToEnd;

/// <summary>Two hundred kills of the gateway, the store and both, under load: <c>make soak</c> in the time that a test may take.</summary>
public sealed class KillRoundsTests
{
    [Theory]
    [InlineData(SoakStore.Server, 150, 1)]
    [InlineData(SoakStore.Embedded, 50, 2)]
    public async Task Killed_again_and_again_the_ledger_has_every_answer_once_and_to_the_nano_dollar(SoakStore store, int rounds, int seed)
    {
        var report = await KillRounds.RunAsync(
            new KillRoundsOptions { Rounds = rounds, Seed = seed, Store = store }, progress: null, TestContext.Current.CancellationToken);

        TestContext.Current.TestOutputHelper?.WriteLine($"{report.Verdict.Answered} answers, {report.Verdict.Crashed} crashed rows, {report.Duration.TotalSeconds:F0} s");
        Assert.True(report.IsExact, $"{report.KeptDirectory}\n{report.RollupProblem}\n{string.Join('\n', report.Verdict.Offences)}");
        Assert.Equal(rounds, report.Rounds);
    }
}
