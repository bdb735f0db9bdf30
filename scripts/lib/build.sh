# shellcheck shell=bash
# Configures and builds a preset. Sourced by scripts/run and scripts/test.

# With ccache, a second clone reuses what the first has compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

# build_preset <preset> [target...]: builds incrementally; shows CMake's output only if
# configuring fails.
build_preset() {
  local preset=$1 log target=()
  shift
  (($# == 0)) || target=(--target "$@")
  mkdir -p build
  log="build/configure-$preset.log"
  say "Building preset $preset into build/$preset"
  if ! cmake --preset "$preset" >"$log" 2>&1; then
    cat "$log" >&2
    die "configuring preset $preset failed (the lines above are in $log)"
  fi
  cmake --build --preset "$preset" -j "$(nproc)" "${target[@]}" || die "building preset $preset failed"
}
