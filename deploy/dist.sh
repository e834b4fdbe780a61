#!/usr/bin/env bash
# Makes dist/tollgate, a folder that runs on linux-x64 without .NET, Node or npm; with --archive also an archive of it.
# Deterministic builds, locked packages and one time for every file in the archive; that two runs give the same bytes was not compared.
set -euo pipefail
cd "$(dirname "$0")/.."

dist=dist/tollgate
build=artifacts/publish
engine=src/Tollgate.Store/native/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so
packages=$(dotnet nuget locals global-packages --list | sed 's/^global-packages: *//; s:/$::')

# In CI, restore is locked (Directory.Build.props). An artifacts path of its own: `make build` must not find what is for one runtime.
publish() {
  dotnet publish "src/$1" -c Release -r linux-x64 --self-contained -p:PublishReadyToRun=true -p:ContinuousIntegrationBuild=true \
    -p:PublishDocumentationFiles=false -p:PublishReferencesDocumentationFiles=false \
    --artifacts-path "$build" -o "$build/folder/$1" -v quiet -clp:NoSummary --nologo
}

# Both programs share one runtime, so a file that both have must be the same file.
merge() {
  local file
  (cd "$1" && find . -type f ! -name '*.staticwebassets.endpoints.json' ! -name createdump | LC_ALL=C sort) | while read -r file; do
    if [ -e "$dist/bin/$file" ]; then
      cmp -s "$1/$file" "$dist/bin/$file" || { echo "dist.sh: gateway and store bring different versions of $file; give both the same package version." >&2; exit 1; }
    else
      install -D -m "$(stat -c %a "$1/$file")" "$1/$file" "$dist/bin/$file"
    fi
  done
}

# name/version of each package that a published program brings.
shipped() {
  awk '/^    "[^"]+\/[^"]+": \{/ { split($1, name, "\""); next } /"type": "package"/ { if (name[2] != "") print name[2]; name[2] = "" }' \
    "$build"/folder/*/tollgate*.deps.json | LC_ALL=C sort -fu
}

# One text for all packages: what each says of itself, its own licence file, and the texts of the licences that packages only name.
notices() {
  local package name folder nuspec licence
  echo "Tollgate is under the Apache License 2.0 (LICENSE). It brings these packages:"
  for package in $(shipped); do
    name=${package%/*} folder=$packages/$(tr '[:upper:]' '[:lower:]' <<< "$package")
    nuspec=$(cat "$folder"/*.nuspec)
    licence=$(sed -n 's:.*<license type="expression">\([^<]*\)<.*:\1:p' <<< "$nuspec")
    case $name in K4os.*) licence=MIT ;; esac # names it by an address
    case $licence in
      MIT | PostgreSQL | Apache-2.0) ;;
      *) echo "dist.sh: $package has the licence \"$licence\", whose text is not in deploy/licences; add it there and here." >&2; exit 1 ;;
    esac
    printf '\n== %s (%s)\n' "${package/\// }" "$licence"
    sed -n 's:.*<copyright>\([^<]*\)<.*:\1:p; s:.*<authors>\([^<]*\)<.*:By \1:p; s:.*<projectUrl>\([^<]*\)<.*:\1:p' <<< "$nuspec" | sort -u
    find "$folder" -maxdepth 1 -type f \( -iname 'LICENSE*' -o -iname 'THIRD-PARTY-NOTICES*' \) | LC_ALL=C sort | while read -r file; do echo; cat "$file"; done
  done
  printf '\n== MIT\n\n'; cat deploy/licences/MIT.txt
  printf '\n== PostgreSQL\n\n'; cat deploy/licences/PostgreSQL.txt
  printf '\n== Apache-2.0\n\nThe text is that of LICENSE.\n'
}

# The engine carries the licences of all it is made of; it is asked once per version.
engine_notices() {
  local cached=$build/libchdb-licences.txt folder store tries=0 port=$((20000 + RANDOM % 10000))
  if [ ! "$cached" -nt src/Tollgate.Store/native/package-lock.json ]; then
    folder=$(mktemp -d)
    "$dist/bin/tollgate-store" --listen "http://127.0.0.1:$port" --data "$folder" > "$folder/log" 2>&1 &
    store=$!
    until curl -fs --noproxy '*' -o /dev/null "http://127.0.0.1:$port/ping"; do
      tries=$((tries + 1))
      { [ "$tries" -lt 300 ] && kill -0 "$store" 2>/dev/null; } || { cat "$folder/log" >&2; echo "dist.sh: the store did not start, and so can't be asked for its licences." >&2; exit 1; }
      sleep 0.1
    done
    curl -fsS --noproxy '*' "http://127.0.0.1:$port/" -o "$cached.new" --data-binary "
      SELECT '== ' || arrayStringConcat(arraySort(groupUniqArray(library_name)), ', ') || ' (' || any(license_type) || ')\n\n' || license_text || '\n'
      FROM system.licenses GROUP BY license_text ORDER BY min(lower(library_name)), license_text FORMAT TSVRaw"
    kill "$store"
    wait "$store" || :
    rm -rf "$folder"
    mv "$cached.new" "$cached"
  fi
  printf 'libchdb is ClickHouse as a library, under the Apache License 2.0 (LICENSE), copyright ClickHouse, Inc. It is made of these parts:\n\n'
  cat "$cached"
}

[ -f "$engine" ] || { echo "dist.sh: $engine is missing. Run: npm ci --prefix src/Tollgate.Store/native" >&2; exit 1; }
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)$([ -z "$(git status --porcelain 2>/dev/null)" ] || echo .changed)
version=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)+$commit

rm -rf "$dist"
mkdir -p "$dist/bin"
for project in Tollgate.Store Tollgate; do
  rm -rf "$build/folder/$project"
  publish "$project"
  merge "$build/folder/$project"
done
# A second name for half a gigabyte, where the file system can.
cp -l "$engine" "$dist/bin/" 2>/dev/null || cp "$engine" "$dist/bin/"

cp -r deploy/install.sh deploy/tollgate.schema.json deploy/systemd deploy/prometheus deploy/clickhouse deploy/examples LICENSE docs "$dist/"
mkdir "$dist/licences"
runtime=$(find "$packages/microsoft.netcore.app.runtime.linux-x64" -mindepth 1 -maxdepth 1 | sort -V | tail -1)
cp "$runtime/LICENSE.TXT" "$dist/licences/dotnet.txt"
cp "$runtime/THIRD-PARTY-NOTICES.TXT" "$dist/licences/dotnet-parts.txt"
cp "${runtime/netcore.app/aspnetcore.app}/THIRD-PARTY-NOTICES.TXT" "$dist/licences/aspnetcore-parts.txt"
notices > "$dist/licences/packages.txt"
engine_notices > "$dist/licences/libchdb.txt"
echo "$version" > "$dist/VERSION"

size() { du -sLm --apparent-size "$@" | awk '{ sum += $1 } END { print sum }'; }
echo "$dist is version $version: $(size "$dist") MiB, of which the engine (bin/libchdb.so) $(size "$dist/bin/libchdb.so") MiB."
if [ "${1:-}" = --archive ]; then
  # One time for every file: the commit's.
  pack() {
    tar --sort=name --mtime="@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}" --owner=0 --group=0 --numeric-owner --hard-dereference \
      --mode=u+rw,go+r-w,a+X -C dist -cf - tollgate
  }
  rm -f dist/tollgate-linux-x64.tar.*
  if command -v zstd > /dev/null; then
    archive=dist/tollgate-linux-x64.tar.zst
    pack | zstd -q -9 -T0 -o "$archive"
  else
    archive=dist/tollgate-linux-x64.tar.gz
    pack | gzip -n > "$archive"
  fi
  echo "$archive: $(size "$archive") MiB. On another machine: tar xf ${archive#dist/} && tollgate/install.sh"
fi
echo "Here: $dist/install.sh (see docs/install.md), or without installing: $dist/bin/tollgate serve"
