# shellcheck shell=bash
# What has to be installed for which purpose, and how. Sourced by scripts/run
# and scripts/test. Debian 12, Debian 13 and Ubuntu 24.04 have all of it.

# shellcheck disable=SC2034  # used by those who source this
readonly PACKAGES_BUILD=(
  ca-certificates cmake g++ git ninja-build pkgconf
  libcli11-dev libcpp-httplib-dev libgrpc++-dev libpaho-mqtt-dev libpaho-mqttpp-dev
  libprotobuf-dev libspdlog-dev libsqlite3-dev libssl-dev libyaml-cpp-dev nlohmann-json3-dev
  protobuf-compiler protobuf-compiler-grpc
)
# shellcheck disable=SC2034
readonly PACKAGES_DEMO=(mosquitto)
# shellcheck disable=SC2034
readonly PACKAGES_TEST=(
  debootstrap libgmock-dev libgtest-dev mosquitto mosquitto-clients valgrind
)
# shellcheck disable=SC2034
readonly PACKAGES_CONTAINER=(buildah) # for deploy/container_test, where it is wanted
# shellcheck disable=SC2034
readonly PACKAGES_BENCH=(libbenchmark-dev libmosquitto-dev python3-matplotlib)

say() { printf '==> %s\n' "$*"; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Prints those of its arguments that are not installed.
missing_packages() {
  local installed package
  # "Architecture-qualified" names (libssl-dev:amd64) lose their suffix.
  installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | awk '$1 == "ii" { print $2 }')
  for package in "$@"; do
    grep -qxF -- "$package" <<<"$installed" || printf '%s\n' "$package"
  done
}

# Installs those of its arguments that are missing; does nothing, and asks no
# server, when none is.
install_packages() {
  local missing
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "No apt here; going on in the hope that these are installed under whatever name: $*"
    return
  fi
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0

  local root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      die "missing packages; as root, run: apt-get install --no-install-recommends ${missing[*]}"
    root=(sudo)
  fi
  say "Installing with apt: ${missing[*]}"
  # Some third party's list that cannot be had need not stop us.
  "${root[@]}" apt-get -qq update || say "apt-get update failed in part; trying all the same"
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends install "${missing[@]}" ||
    die "apt could not install: ${missing[*]}"
}
