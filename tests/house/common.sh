# shellcheck shell=bash
# Sourced by the tests of this folder.
readonly SKIPPED=77 # as CMakeLists.txt says

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Where CI installs all of it; elsewhere a test is skipped for what is missing.
must_have_all() (
  [[ ${CI:-} == @(1|true) ]] && . /etc/os-release && [[ $ID-$VERSION_ID == debian-12 ]]
)

# Prints the path of version 14 of a tool.
find_version_14() {
  local name
  for name in "$1-14" "$1"; do
    if command -v "$name" >/dev/null && "$name" --version | grep -q 'version 14\.'; then
      command -v "$name"
      return
    fi
  done
  ! must_have_all || die "$1-14 is missing"
  echo "SKIPPED: $1 14 is missing (Debian 12 has it)" >&2
  exit $SKIPPED
}
