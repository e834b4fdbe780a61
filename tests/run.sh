#!/usr/bin/env bash
# Runs test suites (all, or those named) and ends with their sum. A suite that dies without a summary counts as one failure.
# A test that runs for over two minutes is named; a suite that runs for over fifteen is ended, so that a test that waits for ever fails instead of hanging.
set -uo pipefail
cd "$(dirname "$0")/.."

suites=("$@")
if [ ${#suites[@]} -eq 0 ]; then
  suites=(Tollgate.Proxy.Tests Tollgate.Store.Tests Tollgate.ClickHouse.Tests Tollgate.Control.Tests Tollgate.Tests Tollgate.LoadTest.Tests Tollgate.Benchmarks.Tests Tollgate.Demo.Tests Tollgate.EndToEnd)
fi

passed=0 failed=0 skipped=0
for suite in "${suites[@]}"; do
  echo "== $suite"
  log=$(mktemp)
  timeout --kill-after=10 "${TOLLGATE_SUITE_LIMIT:-900}" \
    dotnet "artifacts/bin/$suite/release/$suite.dll" -noLogo -noColor 2>&1 | tee "$log" | grep -v -E '^  (Discovering|Discovered|Starting|Finished):'
  summary=$(grep -E "^ *$suite +Total: " "$log" | tail -1)
  rm -f "$log"
  if [[ $summary =~ Total:\ ([0-9]+),\ Errors:\ ([0-9]+),\ Failed:\ ([0-9]+),\ Skipped:\ ([0-9]+),\ Not\ Run:\ ([0-9]+) ]]; then
    bad=$((BASH_REMATCH[2] + BASH_REMATCH[3]))
    failed=$((failed + bad))
    skipped=$((skipped + BASH_REMATCH[4]))
    passed=$((passed + BASH_REMATCH[1] - BASH_REMATCH[3] - BASH_REMATCH[4] - BASH_REMATCH[5]))
  else
    echo "$suite ended without a summary, or was ended after ${TOLLGATE_SUITE_LIMIT:-900} s"
    failed=$((failed + 1))
  fi
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
