#!/bin/sh
# Runs one program in a root folder that run.sh has made, for the tests of tests/brokers:
#   program.sh <root> <folder> <command…>
# The program sees <folder> under the same path, and its network is the machine's. It is the process that
# was started, so that signals reach it. Its mounts are in a namespace of its own and end with it.
set -eu
if [ "${1:-}" != --mount ]; then
  exec unshare --mount --propagation private "$0" --mount "$@"
fi
root=$2 folder=$3
shift 3
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root$folder"
mount --bind "$folder" "$root$folder"
exec chroot "$root" env --chdir="$folder" "$@"
