#!/usr/bin/env bash
# What `make dashboards` runs: the demo on free ports, a Prometheus that scrapes it, every query of the dashboards, and the pictures.
# Without Prometheus, the pictures of the ClickHouse set only. Leaves no process behind.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
demo='' prometheus=''
finish() {
  for process in $prometheus $demo; do kill "$process" 2>/dev/null && wait "$process" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

dotnet exec artifacts/bin/Tollgate.Demo/release/Tollgate.Demo.dll run --directory "$work/demo" --speed "${SPEED:-6}" --proxy-port 0 --admin-port 0 --store-port 0 > "$work/demo.log" 2>&1 &
demo=$!
for ((tenths = 0; tenths < 1200; tenths++)); do
  grep -q 'It is stopped by Ctrl-C' "$work/demo.log" && break
  kill -0 "$demo" 2>/dev/null || { cat "$work/demo.log" >&2; exit 1; }
  sleep 0.1
done
store=$(grep -oE 'SQL +http://\S+' "$work/demo.log" | grep -oE 'http://\S+')
gateway=$(grep -oE 'metrics +http://[^/]+' "$work/demo.log" | grep -oE '[^/]+$')

seconds=${SECONDS_OF_METRICS:-90}
options=()
if command -v prometheus > /dev/null; then
  port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
  printf 'global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }\nrule_files: ["%s"]\nscrape_configs: [{ job_name: tollgate, static_configs: [{ targets: ["%s"] }] }]\n' \
    "$PWD/deploy/prometheus/tollgate.rules.yml" "$gateway" > "$work/prometheus.yml"
  prometheus --config.file "$work/prometheus.yml" --storage.tsdb.path "$work/tsdb" --web.listen-address "127.0.0.1:$port" --log.level warn 2> "$work/prometheus.log" &
  prometheus=$!
  echo "letting Prometheus scrape the demo for $((seconds + 10)) s"
  sleep $((seconds + 10))
  options=(--prometheus "http://127.0.0.1:$port" --seconds "$seconds")
else
  echo "prometheus is not here (Debian's package prometheus): drawing the ClickHouse set only"
fi
rm -rf artifacts/dashboards
dotnet exec artifacts/bin/Tollgate.Demo/release/Tollgate.Demo.dll dashboards --store "$store" "${options[@]}"
node demo/pictures/draw.mjs deploy/grafana artifacts/dashboards docs/pictures
