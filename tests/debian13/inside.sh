#!/usr/bin/env bash
# The part of run.sh that mounts: in namespaces of its own, as process 1.
set -euo pipefail
mode=$1 folder=$2
shift 2
root=$folder/root

make_root() {
  # One that is not whole, from a run that was ended. Nothing is mounted in it:
  # mounts end with the processes that see them.
  rm -rf --one-file-system "$root.new"
  mkdir -p "$folder"
  echo "Debian 13 from $MIRROR into $root"
  if ! debootstrap --variant=minbase trixie "$root.new" "$MIRROR" >"$folder/debootstrap.log" 2>&1; then
    tail -n 5 "$folder/debootstrap.log"
    echo "SKIPPED: debootstrap could make no Debian 13 from $MIRROR"
    exit 77
  fi
  # How this machine reaches its mirrors. And what is not whole is not kept, so
  # nothing need be flushed.
  apt-config dump --no-empty Acquire | grep -E '^Acquire::(http|https|Check|Retries)' \
    >"$root.new/etc/apt/apt.conf.d/90host" || true
  echo force-unsafe-io >"$root.new/etc/dpkg/dpkg.cfg.d/unsafe-io"
  mkdir "$root.new/project" "$root.new/ccache" "$root.new/build"
  mv "$root.new" "$root"
}

enter() { # enter <command…>
  chroot "$root" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    CCACHE_DIR=/ccache CCACHE_BASEDIR=/project CCACHE_NOHASHDIR=1 CCACHE_IGNOREOPTIONS=-Werror "$@"
}

[[ -d $root ]] || make_root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$PROJECT" "$root/project"
mount -o remount,bind,ro "$root/project"
# Where any clone's builds are, and -Werror is no difference (CCACHE_IGNOREOPTIONS): what the
# compiler's cache has of the build here, which comes first, serves the newcomer's.
build=/build
if [[ -d $PROJECT/build ]]; then
  mkdir -p "$root/builds"
  mount --bind "$root/builds" "$root/project/build"
  build=/project/build/test
fi
[[ -z $CCACHE_FOLDER ]] || mount --bind "$CCACHE_FOLDER" "$root/ccache"

if [[ $mode == root || $mode == install ]]; then
  for file in resolv.conf hosts; do cat "/etc/$file" >"$root/etc/$file"; done
fi

case $mode in
  root)
    enter bash -euc '
      . /project/scripts/lib/packages.sh
      install_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_TEST[@]}" ccache
      apt-get clean'
    ;;
  install)
    # Servers among the packages are not started: the tests do that.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    enter bash -euc '
      . /project/scripts/lib/packages.sh
      install_packages "$@"
      apt-get clean' bash "$@"
    ;;
  build)
    enter cmake --preset test -S /project -B "$build" -DDAPR_MQTT_DEBIAN13=OFF
    enter cmake --build "$build" -j "$1"
    enter dpkg-query -W -f '${Package} ${Version}\n' g++ libpaho-mqtt-dev libpaho-mqttpp-dev mosquitto
    ;;
  test)
    # As scripts/test does: what fails is run once more, alone.
    run_tests() { enter ctest --test-dir "$build" --output-on-failure --no-tests=error "$@"; }
    run_tests -j "$1" -L "^$2\$" || run_tests -j 1 -L "^$2\$" --rerun-failed
    ;;
  newcomer)
    enter bash /newcomer/tests/debian13/newcomer.sh /newcomer
    ;;
esac
