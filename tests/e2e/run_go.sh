#!/bin/sh
# Builds and runs the tests written in Go, for ctest:
#   run_go.sh build <out>                     slimdaprds, test programs, the benchmarks' load and peer,
#                                             Dapr's Python SDK, into <out>
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

# A daprd that hands over the messages of a stream side by side, as 1.15 did and releases after 1.18
# will (dapr#10470): one word more in its source, which is copied, since Go lets nobody replace a
# single file of a module. Into $out/concurrent.
concurrent_daprd() {
  copy=$out/concurrent
  source=$(go list -m -f '{{.Dir}}' github.com/dapr/dapr)
  rm -rf "$copy"
  mkdir -p "$copy/dapr"
  cp -R "$source/." "$copy/dapr"
  chmod -R u+w "$copy"
  pluggable=pkg/components/pubsub/pluggable.go
  sed 's/^\(\t*\)handle(msg)$/\1go handle(msg)/' "$source/$pluggable" >"$copy/dapr/$pluggable"
  if cmp -s "$source/$pluggable" "$copy/dapr/$pluggable"; then
    echo "$source/$pluggable calls handle(msg) in another way now" >&2
    exit 1
  fi
  cp go.mod go.sum "$copy"
  go mod edit -replace "github.com/dapr/dapr=$copy/dapr" "$copy/go.mod"
  nice go build -modfile "$copy/go.mod" -buildvcs=false \
    -ldflags "-s -w -X github.com/dapr/dapr/pkg/buildinfo.version=$1" \
    -o "$copy/daprd" ./e2e/slimdaprd
  rm -rf "$copy/dapr"
}

mode=$1 out=$2
shift 2
case $mode in
  build)
    require_go
    mkdir -p "$out"
    cd "$tests"
    # Named as the real one, by which the component knows it, and with its version.
    version=$(sed -n 's|.*github.com/dapr/dapr v||p' go.mod | head -n 1)
    nice go build -buildvcs=false -ldflags "-s -w -X github.com/dapr/dapr/pkg/buildinfo.version=$version" \
      -o "$out/daprd" ./e2e/slimdaprd
    concurrent_daprd "$version"
    mkdir -p "$out/bench"
    for package in bench/load brokers conformance deploy e2e; do
      nice go test -c -ldflags '-s -w' -o "$out/$package.test" "./$package"
    done
    nice go build -buildvcs=false -o "$out/bench/load" ./bench/load
    nice go build -buildvcs=false -o "$out/bench/plain_peer" ./bench/peer
    # For the one app in Python, which is skipped where its SDK cannot be had, but not in CI.
    python=$out/python
    if ! "$python/bin/pip" freeze 2>/dev/null | grep -qxFf e2e/testdata/requirements.txt; then
      rm -rf "$python"
      { python3 -m venv "$python" &&
        "$python/bin/pip" install --quiet --disable-pip-version-check -r e2e/testdata/requirements.txt; } ||
        rm -rf "$python"
    fi
    ;;
  test)
    package=$1 name=$2
    require_go
    require_mosquitto
    cd "$tests/$package"
    log=$out/$package.$name.log
    status=0
    SLIMDAPRD_BIN=$out/daprd CONCURRENT_DAPRD_BIN=$out/concurrent/daprd \
      PYTHON_WITH_DAPR=$out/python/bin/python3 BROKERS_CACHE=$out/brokers \
      "$out/$package.test" -test.v -test.timeout 9m -test.run "^$name\$" \
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
    SLIMDAPRD_BIN=$out/daprd "$out/e2e.test" -test.run '^$' -test.bench . -test.benchtime 20000x \
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
