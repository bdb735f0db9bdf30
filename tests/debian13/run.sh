#!/usr/bin/env bash
# The project on Debian 13, in a root of its own, for ctest on whatever machine:
#   run.sh check <folder>                 says why there can be none, if so
#   run.sh root  <folder>                 makes <folder>/root, with what packages.sh names
#   run.sh build <folder> <jobs>          preset test, in <folder>/root/build
#   run.sh test  <folder> <jobs> <level>  the tests with this label
#   run.sh newcomer <folder>              a fresh clone of what is committed, and newcomer.sh in it
#   run.sh install <folder> <package…>    makes <folder>/root, with these packages instead: for tests/brokers
# What is there is used again; to begin afresh, remove the folder. Exits with 77,
# and the reason, where there can be no such root: ctest counts that as skipped.
set -euo pipefail
mode=$1 folder=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)

skip() {
  echo "SKIPPED: $*"
  exit 77
}

# Where this machine gets Debian from, by its own apt sources. Apt knows whose
# they are when it has their lists.
debian_mirror() {
  apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F'|' '$1 == "Debian" && $2 == "Debian" && $3 == "main" { print $4; exit }'
}

. /etc/os-release 2>/dev/null || true
[[ ${ID:-}-${VERSION_ID:-} != debian-13 ]] || skip "this machine is a Debian 13: its own tests tell"
((EUID == 0)) || skip "needs root, for a root folder of its own"
unshare --mount --pid --fork true 2>/dev/null || skip "mounting is not allowed here"
if [[ ! -d $folder/root ]]; then
  [[ $mode == root || $mode == check || $mode == install ]] || skip "no Debian 13 here; the test debian13/root says why"
  command -v debootstrap >/dev/null || skip "debootstrap is not installed"
  command -v apt-get >/dev/null || skip "no apt here, and so no mirror"
  mirror=$(debian_mirror)
  [[ -n $mirror ]] || { apt-get -qq update || true; mirror=$(debian_mirror); }
  [[ -n $mirror ]] || skip "this machine's apt sources name no mirror of Debian"
fi
[[ $mode != check ]] || exit 0

# What is compiled in there is kept where the machine keeps such things, if it does.
ccache=
if command -v ccache >/dev/null; then ccache=$(ccache --get-config cache_dir 2>/dev/null || true); fi

if [[ $mode == newcomer ]]; then
  git -C "$project" rev-parse HEAD >/dev/null 2>&1 || skip "$project is no git repository"
  rm -rf "$folder/root/newcomer"
  git clone --quiet "$project" "$folder/root/newcomer"
  git -C "$folder/root/newcomer" log --oneline --max-count 1
fi

# Mounts and processes of its own: however that ends, the kernel leaves nothing
# of them, and nobody outside can come across the mounts.
shift 2
exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
  env MIRROR="${mirror:-}" CCACHE_FOLDER="$ccache" PROJECT="$project" \
  "$here/inside.sh" "$mode" "$folder" "$@"
