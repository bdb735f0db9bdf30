#!/usr/bin/env bash
# run.sh <target> <folder> [<share>]: fuzzes for DAPR_MQTT_FUZZ_SECONDS (60) divided by <share> (1).
# The findings and the corpus are in the folder; the next run uses the corpus again.
set -euo pipefail
target=$1 folder=$2 seconds=$((${DAPR_MQTT_FUZZ_SECONDS:-60} / ${3:-1}))
mkdir -p "$folder/seeds" "$folder/corpus"
DAPR_MQTT_FUZZ_SEEDS=$folder/seeds "$target"
# libFuzzer would run for ever with 0.
exec "$target" -max_total_time="$((seconds > 0 ? seconds : 1))" -timeout=10 -max_len=4096 \
  -print_final_stats=1 -artifact_prefix="$folder/" "$folder/corpus" "$folder/seeds"
