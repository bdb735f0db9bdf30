#!/bin/bash
# The container image: built with buildah in chroot isolation, from a Debian 13
# that debootstrap makes, and its root started and used, read-only and as the
# image's user, as a container engine would.
#   container_test.sh <build folder> <source folder>
# By default in CI only, for it takes up to four minutes and the network, less than two
# where ccache has what it compiles; DAPR_MQTT_CONTAINER_TEST=1 or =0 decides elsewhere.
# DAPR_MQTT_CONTAINER_BASE names a base image instead of one from debootstrap.
set -euo pipefail
build=$1 source=$2
. "$source/scripts/lib/packages.sh"
. "$source/scripts/lib/broker.sh"

skip() { echo "SKIPPED: $*"; exit 77; }
fail() { echo "FAILED: $*" >&2; exit 1; }
wanted=${DAPR_MQTT_CONTAINER_TEST:-${CI:-0}}
[[ $wanted == 1 || $wanted == true ]] || skip "set DAPR_MQTT_CONTAINER_TEST=1"
((EUID == 0)) || skip "chroot isolation needs root"
for program in buildah unshare chroot mosquitto; do
  PATH=$PATH:/usr/sbin command -v $program >/dev/null || skip "$program is not installed"
done

work=$(mktemp -d)
component_pid='' broker_pid='' container=''
cleanup() {
  local pid
  for pid in $component_pid $broker_pid; do kill "$pid" 2>/dev/null || true; wait "$pid" || true; done
  [[ -z $container ]] || b rm "$container" >/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
# Layers on top of each other where the kernel and the folder allow it; else each
# is a copy of the one below, which is slower.
driver=overlay
try=$(buildah --storage-driver overlay --root "$work/try" --runroot "$work/try-run" from scratch 2>/dev/null) &&
  buildah --storage-driver overlay --root "$work/try" --runroot "$work/try-run" mount "$try" >/dev/null 2>&1 ||
  driver=vfs
buildah --storage-driver overlay --root "$work/try" --runroot "$work/try-run" rm -a >/dev/null 2>&1 || true
store=$build/container/$driver
b() { BUILDAH_ISOLATION=chroot buildah --storage-driver "$driver" --root "$store/store" --runroot "$store/run" "$@"; }

base=${DAPR_MQTT_CONTAINER_BASE:-localhost/debian-trixie}
if ! b inspect --type image "$base" >/dev/null 2>&1; then
  command -v debootstrap >/dev/null || skip "neither the image $base nor debootstrap is there"
  mirror=$(apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F'|' '$1 == "Debian" && $2 == "main" { print $3; exit }')
  [[ -n $mirror ]] || skip "this machine's apt sources name no mirror of Debian"
  say "Making $base"
  debootstrap --variant=minbase --include=ca-certificates,ccache trixie "$work/trixie" "$mirror" \
    >"$work/debootstrap.log" || { tail "$work/debootstrap.log"; fail debootstrap; }
  tar -C "$work/trixie" -cf "$work/base.tar" .
  made=$(b from scratch)
  b add "$made" "$work/base.tar" / >/dev/null
  # As in tests/debian13/inside.sh, so that what was compiled there serves here.
  b config --env CCACHE_BASEDIR=/src --env CCACHE_NOHASHDIR=1 --env CCACHE_IGNOREOPTIONS=-Werror "$made"
  b commit -q --rm "$made" "$base"
fi

# What is compiled in there is kept where the machine keeps such things, if it does; else with what
# debian13/build has compiled, if there is that.
ccache=$build/debian13/root/ccache
[[ -d $ccache ]] || ccache=$build/container/ccache
ccache=$(ccache --get-config cache_dir 2>/dev/null || echo "$ccache")
mkdir -p "$ccache"
bud() {
  b bud --layers --format docker --build-arg "BASE=$base" --build-arg COMMIT=fade0ff \
    --volume "$ccache:/root/.cache/ccache" -f "$source/docker/Dockerfile" "$@" "$source"
}
say "Building the image"
bud -t localhost/dapr-pubsub-mqtt >"$work/bud.log" 2>&1 || { tail -n 50 "$work/bud.log"; fail build; }

say "What is in it"
container=$(b from localhost/dapr-pubsub-mqtt)
root=$(b mount "$container")
size=$(du -sm "$root" | cut -f 1)
echo "$size MiB unpacked"
((size <= 60)) || fail "the image has grown to $size MiB"
others=$(cd "$root" && find . -type f -perm /111 -not -name '*.so*' -not -path ./usr/bin/dapr-pubsub-mqtt)
[[ -z $others ]] || fail "programs besides ours: $others"
[[ -z $(find "$root" -perm /6000 -type f) ]] || fail "set-user-ID files"
[[ -s $root/etc/ssl/certs/ca-certificates.crt ]] || fail "no CA certificates"
[[ -s $root/usr/share/doc/libpaho-mqtt1.3/copyright ]] || fail "no licences"
grep -q libpaho-mqtt1.3 "$root/usr/share/doc/dapr-pubsub-mqtt/dapr-pubsub-mqtt.spdx.json" || fail "no SBOM"
[[ $(stat -c %u:%g:%a "$root/var/lib/dapr-pubsub-mqtt") == 65532:65532:700 ]] || fail "state folder"
config() { b inspect --type image --format "$1" localhost/dapr-pubsub-mqtt; }
[[ $(config '{{.Docker.Config.User}}') == 65532:65532 ]] || fail "user"
[[ $(config '{{.Docker.Config.Entrypoint}} {{.Docker.Config.Cmd}}') == "[/usr/bin/dapr-pubsub-mqtt] [serve]" ]] ||
  fail "entrypoint"
[[ $(config '{{.Docker.Config.Healthcheck.Test}}') == "[CMD /usr/bin/dapr-pubsub-mqtt probe --alive --timeout 4s]" ]] ||
  fail "health check"

say "Starting its root, read-only and as 65532"
mkdir -p "$work/sockets" "$work/state"
chown 65532:65532 "$work/sockets" "$work/state"
# in_image <arguments>: the program with the image's root and environment.
in_image() {
  # shellcheck disable=SC2046  # one word for each variable
  exec env -i $(config '{{range .Docker.Config.Env}}{{.}} {{end}}') \
    unshare --mount sh -ec '
      root=$1 work=$2
      shift 2
      mount --bind "$root" "$root"
      mount -o remount,bind,ro "$root"
      mount --bind "$work/sockets" "$root/tmp/dapr-components-sockets"
      mount --bind "$work/state" "$root/var/lib/dapr-pubsub-mqtt"
      exec /usr/sbin/chroot --userspec=65532:65532 --groups= "$root" /usr/bin/dapr-pubsub-mqtt "$@"
    ' - "$root" "$work" "$@"
}
(in_image --version) | tee "$work/version"
grep -q 'commit fade0ff' "$work/version" || fail "--version"
(in_image probe --timeout 1s) 2>/dev/null && fail "it is healthy before it runs"
(in_image serve) >"$work/component.log" 2>&1 &
component_pid=$!
(in_image probe --wait --timeout 30s) || { cat "$work/component.log"; fail "it does not serve"; }
start_broker "$work"
(in_image probe round-trip --url "tcp://127.0.0.1:$broker_port")
[[ $(stat -c %u "/proc/$component_pid") == 65532 ]] || fail "it runs as another user"
kill $component_pid
wait $component_pid || { cat "$work/component.log"; fail "it stopped with $?"; }
component_pid=''
[[ ! -e $work/sockets/mqtt.sock ]] || fail "it left its socket behind"
echo "PASSED"
