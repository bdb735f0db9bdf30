#!/bin/sh
# That the benchmarks run from end to end, with so few messages that the figures mean nothing:
#   smoke.sh <folder of mqtt_bench> <folder of the load and the peer> <folder for the report>
set -eu
bin=$1 go=$2 out=$3/smoke
source=$(cd "$(dirname "$0")/../.." && pwd)
PATH=$PATH:/usr/sbin
export PYTHONDONTWRITEBYTECODE=1
for needed in "$go/load" mosquitto python3; do
  command -v "$needed" >/dev/null || { echo "SKIPPED: no $needed here"; exit 77; }
done
rm -rf "$out"
mkdir -p "$out"

"$bin/inbox_bench" "$out" normal 100
"$bin/inbox_bench" "$out" memory 100

# Each kind of scenario: publish, bulk, live flow, backlog, at a pace. No "failed" may be there.
"$bin/mqtt_bench" "$bin/dapr-pubsub-mqtt" --load "$go/load" --peer "plain peer=$go/plain_peer" \
  --before "$bin/dapr-pubsub-mqtt" --floor-grpc "$bin/floor_grpc" --floor-paho "$bin/floor_paho" \
  --rounds 1 --scale 0.01 --output "$out/bench.json" \
  --only publish-qos1-16 publish-qos2-128 publish-bulk live-10-topics backlog-qos1 backlog-tls \
  latency | tee "$out/log"
if grep failed "$out/log"; then exit 1; fi
# Single steps, where libbenchmark is installed.
if [ -x "$bin/micro_bench" ]; then "$bin/micro_bench" --benchmark_min_time=0.001; fi

echo "a setup of its own" >"$out/setup.md"
python3 "$source/bench/report.py" "$out/bench.json" "$out" "$out/setup.md"
python3 - "$out/bench.json" "$out/report.md" <<'PYTHON'
import json
import sys

whole = json.load(open(sys.argv[1]))
report = open(sys.argv[2]).read()
can_count = not any("System calls" in note for note in whole["notes"])
seen = set()
for scenario in whole["scenarios"]:
    where = f"{scenario['name']}, {scenario['group']}"
    seen.add((scenario["name"], scenario["group"]))
    assert {"ours", "before"} <= set(scenario["results"]), where
    for subject, runs in scenario["results"].items():
        if subject.startswith("floor"):
            assert all(run["rate"] > 0 for run in runs), where
            continue
        wanted = {"cpu", "switches", "voluntary", "peak"}
        wanted |= {"p50", "p99"} if scenario["name"] == "latency" else {"rate"}
        wanted |= {"calls"} if can_count else set()
        for run in runs:
            assert wanted <= set(run), f"{where}, {subject}: {sorted(wanted - set(run))} missing"
            assert run["cpu"] > 0, f"{where}, {subject}: it cannot cost nothing"
    assert scenario["title"] in report, where
names = ["publish-qos1-16", "publish-qos2-128", "publish-bulk", "publish-bulk-16",
         "live-10-topics", "backlog-qos1", "backlog-tls", "latency"]
missing = {(name, group) for name in names for group in ("own", "shared")} - seen
assert not missing, missing
for subject in ("plain peer", "floor: gRPC alone", "floor: Paho alone"):
    assert any(subject in s["results"] for s in whole["scenarios"]), subject
for part in ("a setup of its own", "group of its own", "group of broker and load", "×)"):
    assert part in report, part
PYTHON
