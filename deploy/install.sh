#!/bin/sh
# Installs Tollgate for one user, without root, from the folder that this script is in. See --help.
set -eu

usage() {
  cat <<'END'
Usage: ./install.sh [--port N] [--admin-port N] [--store-port N]
       ./install.sh --uninstall

Installs Tollgate for you alone, without root, and starts it as a systemd user service where there is one.
Run again from a newer folder to upgrade: configuration and data stay.

  --port N         where Claude Code connects, on loopback. Default: 8080
  --admin-port N   where /healthz, /metrics and the admin API are. Default: 8081
  --store-port N   where the embedded ClickHouse answers. Default: 8123
                   All three are for the first configuration only; an existing one is never changed.
  --uninstall      stop and remove it. The data stays, and the configuration is put beside it.
  --help           this text

Places: $XDG_DATA_HOME/tollgate (~/.local/share), $XDG_CONFIG_HOME/tollgate (~/.config), $XDG_STATE_HOME/tollgate (~/.local/state).
END
}

fail() {
  echo "install.sh: $1" >&2
  exit 1
}

wrong_use() {
  echo "install.sh: $1 See --help." >&2
  exit 2
}

port() {
  case $2 in
    '' | *[!0-9]* | 0* | ??????*) wrong_use "$1 is \"$2\", but must be a port of 1 to 65535." ;;
  esac
  [ "$2" -le 65535 ] || wrong_use "$1 is \"$2\", but must be a port of 1 to 65535."
}

# A folder of ours has the version in it; another's is not removed or replaced.
is_ours() {
  [ -f "$1/VERSION" ] && [ -x "$1/bin/tollgate" ]
}

has_systemd() {
  command -v systemctl >/dev/null 2>&1 && systemctl --user show-environment >/dev/null 2>&1
}

# The first entry of a list in what `tollgate check --json` prints.
first_of() {
  awk -v name="\"$1\":" '$1 == name { inside = 1; next } inside { gsub(/[",]/, "", $1); print $1; exit }'
}

answers() {
  if command -v curl >/dev/null 2>&1; then
    curl -fsk --noproxy '*' --max-time 2 -o /dev/null "$1"
  else
    wget -q --no-proxy --no-check-certificate -T 2 -t 1 -O /dev/null "$1"
  fi
}

# Waits until $1 answers; gives up when the command $2 says that the gateway has ended, or after 30 s.
wait_until_healthy() {
  tries=0
  while ! answers "$1"; do
    tries=$((tries + 1))
    [ "$tries" -lt 150 ] && $2 || return 1
    sleep 0.2
  done
  $2
}

service_runs() {
  case $(systemctl --user is-active tollgate.service) in
    active | activating) return 0 ;;
    *) return 1 ;;
  esac
}

process_runs() {
  kill -0 "$pid" 2>/dev/null
}

uninstall() {
  if [ -e "$app" ]; then
    is_ours "$app" || fail "$app is not an installed Tollgate; it is left as it is."
  fi
  if has_systemd && [ -f "$units/tollgate.service" ]; then
    systemctl --user disable --now tollgate.service $([ -f "$units/tollgate.socket" ] && echo tollgate.socket) || fail "the service could not be stopped; nothing was removed."
  fi
  rm -f "$units/tollgate.service" "$units/tollgate.socket"
  if has_systemd; then
    systemctl --user daemon-reload
  fi
  rm -rf "$app" "$app.new" "$app.old"
  if [ -d "$config" ]; then
    mkdir -p "$state"
    rm -rf "$state/config"
    mv "$config" "$state/config"
  fi
  if [ -d "$state" ]; then
    echo "Tollgate is removed. Its data is in $state, with the configuration in $state/config."
    echo "To remove that too: rm -r $state"
  else
    echo "Tollgate is not here, and there is no data in $state."
  fi
}

write_configuration() {
  mkdir -p "$config"
  chmod 700 "$config"
  cat > "$config/tollgate.json.new" <<END
{
  "\$schema": "$app/tollgate.schema.json",
  "proxy": { "listen": ["http://127.0.0.1:$proxy_port"] },
  "admin": { "listen": ["http://127.0.0.1:$admin_port"] },
  "storage": {
    "listen": "http://127.0.0.1:$store_port",
    "dataDirectory": "$state"
  }
}
END
  mv "$config/tollgate.json.new" "$config/tollgate.json"
}

check() {
  "$app.new/bin/tollgate" check --config "$config/tollgate.json" "$@"
}

write_units() {
  mkdir -p "$units"
  drop='^$^'
  if [ -n "$socket" ]; then
    sed "s|@ADDRESS@|$socket|" "$app/systemd/user/tollgate.socket" > "$units/tollgate.socket"
  else
    rm -f "$units/tollgate.socket"
    drop='tollgate\.socket\|PROXY__LISTEN'
  fi
  sed -e "/$drop/d" -e "s|@APP@|$app|g; s|@CONFIG@|$config|g; s|@STATE@|$state|g; s|@SCHEME@|${proxy%%://*}|g" "$app/systemd/user/tollgate.service" > "$units/tollgate.service"
}

install() {
  [ "$(uname -sm)" = "Linux x86_64" ] || fail "this build is for Linux on x86_64, and here is $(uname -sm)."
  command -v curl >/dev/null 2>&1 || command -v wget >/dev/null 2>&1 || fail "curl or wget is needed for the self-check."
  for file in VERSION bin/tollgate bin/tollgate-store bin/libchdb.so; do
    [ -f "$source/$file" ] || fail "$source has no $file. Run this script from the unpacked folder that make dist made."
  done
  [ "$source" != "$app" ] || fail "this is the installed copy. Run the script of the folder that you unpacked."
  if [ -e "$app" ]; then
    is_ours "$app" || fail "$app exists and is not an installed Tollgate. Move it away first."
  fi

  echo "Copying version $(cat "$source/VERSION") to $app"
  mkdir -p "$(dirname "$app")" "$state"
  chmod 700 "$state"
  rm -rf "$app.new"
  trap 'rm -rf "$app.new"' EXIT
  cp -R "$source" "$app.new" || fail "the copy failed; about 800 MB are needed in $(dirname "$app")."
  version=$("$app.new/bin/tollgate" --version) || fail "$source/bin/tollgate does not run on this system; its words are above."

  [ -f "$config/tollgate.json" ] || write_configuration
  report=$(check --json) || {
    check >&2 || :
    fail "$config/tollgate.json has problems. The installed version, if any, was not changed."
  }
  proxy=$(echo "$report" | first_of proxy)
  admin=$(echo "$report" | first_of admin)
  case $proxy$admin in
    *://fd:*) fail "proxy.listen and admin.listen in $config/tollgate.json must begin with an address; the user service brings its own socket." ;;
  esac

  # A socket counts as reachable by others, so a configuration may be right without one and wrong with it.
  socket=''
  if TOLLGATE__PROXY__LISTEN__0="${proxy%%://*}://fd:proxy" check >/dev/null; then
    socket=$(echo "${proxy#*://}" | sed 's|/$||; s|^localhost:|127.0.0.1:|; s|^[*+]:||')
  else
    echo "Without socket activation: it would need requireKey with an upstream's apiKey."
  fi

  if has_systemd && [ -f "$units/tollgate.service" ]; then
    systemctl --user stop tollgate.service $([ -f "$units/tollgate.socket" ] && echo tollgate.socket) || fail "the running service could not be stopped; nothing was changed."
  fi
  rm -rf "$app.old"
  [ ! -e "$app" ] || mv "$app" "$app.old"
  mv "$app.new" "$app"

  health=$(echo "$admin" | sed 's|/$||; s|://[*+]:|://127.0.0.1:|; s|://0\.0\.0\.0:|://127.0.0.1:|; s|://\[::\]:|://127.0.0.1:|; s|^h2c:|http:|')/healthz
  by_hand="cd $state && $app/bin/tollgate serve --config $config/tollgate.json"
  if has_systemd; then
    write_units
    systemctl --user daemon-reload
    systemctl --user enable --now ${socket:+tollgate.socket} tollgate.service || fail "the service did not start. Its words: journalctl --user -u tollgate.service. $(before)"
    wait_until_healthy "$health" service_runs || fail "the service does not answer at $health. Its words: journalctl --user -u tollgate.service. $(before)"
    echo "Tollgate $version runs as the user service tollgate.service and answers at $health."
    echo "It ends when you log out, unless you say once: loginctl enable-linger"
  elif answers "$health"; then
    echo "Tollgate $version is installed. Something answers at $health already: if it is the version before, restart it:"
    echo "  $by_hand"
  else
    log=$state/self-check.log
    (cd "$state" && exec "$app/bin/tollgate" serve --config "$config/tollgate.json") > "$log" 2>&1 &
    pid=$!
    if ! wait_until_healthy "$health" process_runs; then
      kill "$pid" 2>/dev/null || :
      wait "$pid" || :
      cat "$log" >&2
      fail "the gateway does not answer at $health; its words are above. $(before)"
    fi
    kill "$pid"
    wait "$pid" || :
    rm -f "$log"
    echo "Tollgate $version is installed, and a trial start answered at $health. There is no systemd user manager here; start it by hand:"
    echo "  $by_hand"
  fi
  rm -rf "$app.old"

  case $proxy in
    *://0.0.0.0:* | *'://[::]:'* | *'://*:'* | *'://+:'*) host=127.0.0.1:${proxy##*:} ;;
    *) host=${proxy#*://} ;;
  esac
  echo
  echo "For Claude Code, paste into your shell:"
  echo "  export ANTHROPIC_BASE_URL=${proxy%%://*}://${host%/}/anthropic"
  echo "  claude"
  echo "Or once for good: $app/bin/tollgate client-setup --write --url ${proxy%%://*}://${host%/}/anthropic"
}

before() {
  if [ -d "$app.old" ]; then
    echo "The version before is in $app.old."
  fi
}

proxy_port=8080 admin_port=8081 store_port=8123 action=install
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --uninstall) action=uninstall ;;
    --port | --admin-port | --store-port)
      [ $# -ge 2 ] || wrong_use "$1 needs a port."
      port "$1" "$2"
      case $1 in
        --port) proxy_port=$2 ;;
        --admin-port) admin_port=$2 ;;
        --store-port) store_port=$2 ;;
      esac
      shift ;;
    *) wrong_use "\"$1\" is not known." ;;
  esac
  shift
done

[ -n "${HOME:-}" ] || fail "HOME is not set."
source=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
app=${XDG_DATA_HOME:-$HOME/.local/share}/tollgate
config=${XDG_CONFIG_HOME:-$HOME/.config}/tollgate
state=${XDG_STATE_HOME:-$HOME/.local/state}/tollgate
units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
case $app$config$state in
  *[!A-Za-z0-9/._@+-]*) fail "a path has a letter that can't stand in a unit file: $app, $config or $state. Set XDG_DATA_HOME, XDG_CONFIG_HOME and XDG_STATE_HOME." ;;
esac
umask 077
$action
