#!/bin/bash
# The Debian package: built, read, installed into a root of its own, used there,
# and removed without a trace.
#   package_test.sh <build folder> <source folder>
set -euo pipefail
build=$1 source=$2
. "$source/scripts/lib/packages.sh"
. "$source/scripts/lib/broker.sh"

skip() { echo "SKIPPED: $*"; exit 77; }
fail() { echo "FAILED: $*" >&2; exit 1; }
for program in dpkg-deb dpkg-shlibdeps cpack; do
  command -v $program >/dev/null || skip "$program is not installed"
done
((EUID == 0)) || skip "dpkg installs as root only"

work=$(mktemp -d)
component_pid='' broker_pid=''
cleanup() {
  local pid
  for pid in $component_pid $broker_pid; do kill "$pid" 2>/dev/null || true; wait "$pid" || true; done
  rm -rf "$work"
}
trap cleanup EXIT

say "Building"
cpack --config "$build/CPackConfig.cmake" -B "$work/out" >"$work/cpack.log" || { cat "$work/cpack.log"; fail cpack; }
debs=("$work"/out/*.deb)
deb=${debs[0]}
dpkg-deb -I "$deb"
depends=$(dpkg-deb -f "$deb" Depends)
for library in libgrpc++ libpaho-mqtt libsqlite3 libssl libwslay libcpp-httplib; do
  [[ $depends == *$library* ]] || fail "Depends lacks $library: $depends"
done

if command -v lintian >/dev/null; then
  say "lintian"
  # Two that are about an upload into Debian itself.
  lintian --allow-root --fail-on error,warning \
    --suppress-tags bogus-mail-host,initial-upload-closes-no-bugs "$deb" || fail lintian
fi

say "Installing"
root=$work/root
mkdir -p "$root/var/lib/dpkg/"{info,updates,triggers}
touch "$root/var/lib/dpkg/"{status,available}
in_root() { dpkg --root="$root" --log="$work/dpkg.log" --force-depends --force-script-chrootless "$@"; }
in_root --install "$deb" >"$work/install.log" 2>&1 || { cat "$work/install.log"; fail install; }
for file in usr/bin/dapr-pubsub-mqtt usr/lib/systemd/system/dapr-pubsub-mqtt.service \
  usr/lib/sysusers.d/dapr-pubsub-mqtt.conf usr/share/man/man1/dapr-pubsub-mqtt.1.gz \
  usr/share/bash-completion/completions/dapr-pubsub-mqtt etc/default/dapr-pubsub-mqtt \
  usr/share/dapr-pubsub-mqtt/component.schema.json \
  usr/share/doc/dapr-pubsub-mqtt/{metadata.yaml,copyright,dapr-pubsub-mqtt.spdx.json,examples/mqtt-pubsub.yaml}; do
  [[ -s $root/$file ]] || fail "$file is missing"
done
program=$root/usr/bin/dapr-pubsub-mqtt

say "The unit"
unit=$root/usr/lib/systemd/system/dapr-pubsub-mqtt.service
start=$(sed -n 's/^ExecStart=//p' "$unit")
[[ -x $root/${start%% *} ]] || fail "the unit starts ${start%% *}, which is not in the package"
if systemd-analyze security --help 2>/dev/null | grep -q -- --offline; then
  sed "s|^ExecStart=/|ExecStart=$root/|" "$unit" >"$work/dapr-pubsub-mqtt.service"
  problems=$(systemd-analyze verify --man=no "$work/dapr-pubsub-mqtt.service" 2>&1 |
    grep dapr-pubsub-mqtt.service || true)
  [[ -z $problems ]] || fail "systemd-analyze verify: $problems"
  # Exposure in tenths, of 100: what systemd calls OK ends at 20.
  systemd-analyze security --offline=true --threshold=20 --no-pager \
    "$work/dapr-pubsub-mqtt.service" >"$work/security" || { cat "$work/security"; fail "exposed"; }
  tail -n 1 "$work/security"
fi

say "Manual page and completion"
gzip -dc "$root/usr/share/man/man1/dapr-pubsub-mqtt.1.gz" | grep -q metrics || fail "manual page"
bash -c '. "$1"; COMP_WORDS=("$2" pro) COMP_CWORD=1
  $(complete -p dapr-pubsub-mqtt | sed "s/.*-F \([^ ]*\) .*/\1/") "$2"; [[ ${COMPREPLY[*]} == probe ]]' - \
  "$root/usr/share/bash-completion/completions/dapr-pubsub-mqtt" "$program" || fail completion

say "Components of deploy/ and docker/"
for file in "$root/usr/share/doc/dapr-pubsub-mqtt/examples/mqtt-pubsub.yaml" \
  "$source"/{deploy/local/components,docker/resources}/mqtt-pubsub.yaml \
  "$source"/deploy/kubernetes/{common,overlays/durable}/component.yaml; do
  [[ ! -e $file ]] || "$program" validate "$file" || fail "$file"
done

say "Using it"
"$program" --version
"$program" serve --socket-folder "$work/run" --state-dir "$work/state" \
  --socket-mode 0660 --allow-any-uid >"$work/component.log" 2>&1 &
component_pid=$!
for ((i = 0; i < 300; ++i)); do
  [[ ! -S $work/run/mqtt.sock ]] || break
  kill -0 $component_pid || { cat "$work/component.log"; fail "it does not serve"; }
  sleep 0.1
done
if command -v mosquitto >/dev/null || [[ -x /usr/sbin/mosquitto ]]; then
  start_broker "$work" # gives broker_pid and broker_port
  "$program" probe round-trip --socket "$work/run/mqtt.sock" --url "tcp://127.0.0.1:$broker_port"
fi
kill $component_pid
wait $component_pid || fail "it stopped with $?"
component_pid=''

say "Removing"
in_root --remove dapr-pubsub-mqtt
[[ ! -e $program ]] || fail "removing left $program"
[[ -s $root/etc/default/dapr-pubsub-mqtt ]] || fail "removing took the user's options"
in_root --purge dapr-pubsub-mqtt
left=$(find "$root" -not -path "$root/var/lib/dpkg*" -not -type d)
[[ -z $left ]] || fail "left behind: $left"
echo "PASSED"
