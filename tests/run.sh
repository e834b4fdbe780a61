#!/usr/bin/env bash
# Runs test suites (all, or those named) and ends with what failed, told once more, and their sum. A suite that dies without a summary counts as one failure.
# A test that runs for over two minutes is named; a suite that runs for over 25 minutes is ended, so that a test that waits for ever fails instead of hanging.
set -uo pipefail
cd "$(dirname "$0")/.."

suites=("$@")
if [ ${#suites[@]} -eq 0 ]; then
  suites=(Tollgate.Proxy.Tests Tollgate.Store.Tests Tollgate.ClickHouse.Tests Tollgate.Control.Tests Tollgate.Tests Tollgate.LoadTest.Tests Tollgate.Benchmarks.Tests Tollgate.Demo.Tests Tollgate.EndToEnd)
fi

# Half an hour: twice what Tollgate.EndToEnd, the longest, needs on two cores that others load (885 s; 440 s alone).
limit=${TOLLGATE_SUITE_LIMIT:-1500}

# Each failed test of a log and the first 20 lines of what it says: xunit prints its name, or that of a cleanup that failed, indented by four, and the rest by six.
failures() {
  awk '
    /^    [^ ].* \[FAIL\]$/ || /^    \[(FATAL ERROR|[^]]*Cleanup Failure[^]]*)\]/ { inside = 1; lines = 0; print; next }
    /^      / || /^$/ { if (inside && lines++ < 20) print; next }
    { inside = 0 }' "$1"
}

passed=0 failed=0 skipped=0 again=
for suite in "${suites[@]}"; do
  echo "== $suite"
  log=$(mktemp)
  timeout --kill-after=10 "$limit" \
    dotnet "artifacts/bin/$suite/release/$suite.dll" -noLogo -noColor 2>&1 | tee "$log" | grep -v -E '^  (Discovering|Discovered|Starting|Finished):'
  summary=$(grep -E "^ *$suite +Total: " "$log" | tail -1)
  told=$(failures "$log")
  if [[ $summary =~ Total:\ ([0-9]+),\ Errors:\ ([0-9]+),\ Failed:\ ([0-9]+),\ Skipped:\ ([0-9]+),\ Not\ Run:\ ([0-9]+) ]]; then
    bad=$((BASH_REMATCH[2] + BASH_REMATCH[3]))
    failed=$((failed + bad))
    skipped=$((skipped + BASH_REMATCH[4]))
    passed=$((passed + BASH_REMATCH[1] - BASH_REMATCH[3] - BASH_REMATCH[4] - BASH_REMATCH[5]))
  else
    unended="$suite ended without a summary, or was ended after $limit s"
    echo "$unended"
    told+="${told:+$'\n'}    $unended; it last said"$'\n'$(tail -20 "$log" | sed 's/^/      /')
    failed=$((failed + 1))
  fi
  rm -f "$log"
  again+=${told:+"== $suite"$'\n'"$told"$'\n'}
done

if [ -n "$again" ]; then
  printf '\nFailed:\n%s\n' "$again"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
