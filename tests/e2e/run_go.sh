#!/bin/sh
# Builds and runs the tests written in Go, for ctest:
#   run_go.sh build <out>                     slimdaprd and the test programs, into <out>
#   run_go.sh test <out> <package> <Test…>    one test
#   run_go.sh list <out> <package> <Test…>    checks that these are all the tests there are
#   run_go.sh bench <out>                     the benchmarks through daprd
# Exits with 77, and the reason, where Go or mosquitto is missing, or where a test
# skips itself: ctest counts that as skipped. In CI (CI=true or
# DAPR_MQTT_REQUIRE_GO=1) the former is a failure.
set -eu
tests=$(cd "$(dirname "$0")/.." && pwd)
PATH=$PATH:/usr/local/go/bin:/usr/sbin # where Go's and Debian's packages put them
export GOTOOLCHAIN=local               # download no other Go than the one installed
export CGO_ENABLED=0

skip() {
  if [ "${DAPR_MQTT_REQUIRE_GO:-}" = 1 ] || [ "${CI:-}" = true ]; then
    echo "FAILED, since CI requires these tests: $1"
    exit 1
  fi
  echo "SKIPPED: $1"
  exit 77
}

require_go() {
  command -v go >/dev/null || skip "Go is not installed"
  wanted=$(sed -n 's/^go //p' "$tests/go.mod")
  found=$(go env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
  lowest=$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)
  [ "$lowest" = "$wanted" ] || skip "Go $wanted or later is needed, this is $found"
}

require_mosquitto() {
  for program in mosquitto mosquitto_passwd mosquitto_pub mosquitto_sub; do
    command -v $program >/dev/null || skip "$program is not installed"
  done
}

mode=$1 out=$2
shift 2
case $mode in
  build)
    require_go
    mkdir -p "$out"
    cd "$tests"
    nice go build -buildvcs=false -ldflags '-s -w' -o "$out/slimdaprd" ./e2e/slimdaprd
    for package in conformance deploy e2e; do
      nice go test -c -ldflags '-s -w' -o "$out/$package.test" "./$package"
    done
    ;;
  test)
    package=$1 name=$2
    require_go
    require_mosquitto
    cd "$tests/$package"
    log=$out/$package.$name.log
    status=0
    SLIMDAPRD_BIN=$out/slimdaprd "$out/$package.test" -test.v -test.timeout 9m -test.run "^$name\$" \
      >"$log" 2>&1 || status=$?
    cat "$log"
    # What a test skips, ctest shall count as skipped.
    if [ $status = 0 ] && grep -q '^--- SKIP' "$log"; then exit 77; fi
    exit $status
    ;;
  bench)
    require_go
    require_mosquitto
    cd "$tests/e2e"
    SLIMDAPRD_BIN=$out/slimdaprd "$out/e2e.test" -test.run '^$' -test.bench . -test.benchtime 20000x \
      -test.count 3 -test.timeout 60m
    ;;
  list)
    package=$1
    shift
    require_go
    printf '%s\n' "$@" | sort >"$out/$package.wanted"
    "$out/$package.test" -test.list "^Test" | sort >"$out/$package.found"
    echo "Tests in CMakeLists.txt (<) and in the Go package (>):"
    diff "$out/$package.wanted" "$out/$package.found" && echo "the same"
    ;;
  *)
    echo "unknown: $mode" >&2
    exit 2
    ;;
esac
