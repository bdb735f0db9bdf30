# shellcheck shell=bash
# The Debian packages for each purpose, and how they are installed. Sourced by
# scripts/run and scripts/test. Debian 12 and Debian 13 have all of them.

# shellcheck disable=SC2034  # used by the scripts that source this file
readonly PACKAGES_BUILD=(
  ca-certificates cmake g++ git ninja-build pkgconf
  libcli11-dev libcpp-httplib-dev libgrpc++-dev libpaho-mqtt-dev libpaho-mqttpp-dev
  libprotobuf-dev libspdlog-dev libsqlite3-dev libssl-dev libwslay-dev libyaml-cpp-dev
  nlohmann-json3-dev protobuf-compiler protobuf-compiler-grpc
)
# shellcheck disable=SC2034
readonly PACKAGES_DEMO=(mosquitto)
# shellcheck disable=SC2034
readonly PACKAGES_TEST=(
  debootstrap iproute2 libbenchmark-dev libgmock-dev libgtest-dev libmosquitto-dev mosquitto mosquitto-clients
  python3-venv valgrind
)
# shellcheck disable=SC2034
readonly PACKAGES_HOUSE=(clang-format clang-tidy shellcheck) # tests/house needs version 14 of the first two
# shellcheck disable=SC2034
readonly PACKAGES_CLANG=(clang libclang-rt-dev) # sanitizers and libFuzzer are in the second, which clang only recommends
# shellcheck disable=SC2034
readonly PACKAGES_CONTAINER=(buildah) # for deploy/container_test, if that is to run
# shellcheck disable=SC2034
readonly PACKAGES_BENCH=(python3-matplotlib)

say() { printf '==> %s\n' "$*"; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Prints the packages among its arguments that are not installed.
missing_packages() {
  local installed package
  # "Architecture-qualified" names (libssl-dev:amd64) lose their suffix.
  installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | awk '$1 == "ii" { print $2 }')
  for package in "$@"; do
    grep -qxF -- "$package" <<<"$installed" || printf '%s\n' "$package"
  done
}

# Installs the packages among its arguments that are missing. If none is missing, it
# does nothing and asks no server.
install_packages() {
  local missing
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "No apt here; assuming that these packages, or their equivalents, are installed: $*"
    return
  fi
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0

  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      die "missing packages; as root, run: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
  fi
  say "Installing with apt: ${missing[*]}"
  # An unreachable third-party repository must not stop the installation.
  "${as_root[@]}" apt-get -qq update || say "apt-get update failed in part; trying to install anyway"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends install "${missing[@]}" ||
    die "apt could not install: ${missing[*]}"
}
