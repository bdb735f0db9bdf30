#!/usr/bin/env bash
# Counts the instructions of a message's way with callgrind, for ctest:
#   compare.sh baseline <program> <way>   beside bench/micro/baseline.txt, within 5 %
#   compare.sh scaling <program> <way>    at 10,000 of something beside 10 of it, within 1.5 times
# Exits with 77, and the reason, where there is nothing to compare with: ctest
# counts that as skipped. DAPR_MQTT_RENEW_GOLDEN=1 writes the baseline anew.
set -euo pipefail
mode=$1 program=$2 way=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
baseline=$(cd "$here/../../bench/micro" && pwd)/baseline.txt
readonly percent=5

skip() {
  echo "SKIPPED: $*"
  exit 77
}

# What libc chooses by the processor is the same on all of them then.
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM,-RTM,-AVX_Fast_Unaligned_Load
export LD_BIND_NOW=1

per_message() { # per_message <way> [size]
  local messages total
  messages=$(valgrind --quiet --tool=callgrind --callgrind-out-file="$counts" \
    --toggle-collect=dapr_mqtt_counted "$program" "$@")
  total=$(awk '$1 == "totals:" { print $2 }' "$counts")
  ((messages > 0 && total > 0)) || {
    echo "nothing was counted: $messages messages, $total instructions" >&2
    return 1
  }
  echo $((total / messages))
}

command -v valgrind >/dev/null || skip "valgrind is not installed"
[[ -x $program ]] || skip "$program is not there: only a Release build without sanitizers has it"
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT

if [[ $mode == scaling ]]; then
  few=$(per_message "$way" 10)
  many=$(per_message "$way" 10000)
  echo "$way: $few instructions a message at 10, $many at 10,000"
  ((many * 2 <= few * 3)) || {
    echo "FAILED: that grows by more than half. callgrind_annotate shows where."
    exit 1
  }
  exit 0
fi

key=$("$program" key),$(uname -m)
now=$(per_message "$way")
then=$(awk -v key="$key" -v way="$way" '$1 == key && $2 == way { print $3 }' "$baseline")
echo "$way: $now instructions a message; baseline for $key: ${then:-none}"
if [[ ${DAPR_MQTT_RENEW_GOLDEN:-} == 1 ]]; then
  renewed=$(awk -v key="$key" -v way="$way" '!($1 == key && $2 == way)' "$baseline")
  printf '%s\n%s %s %s\n' "$renewed" "$key" "$way" "$now" >"$baseline"
  echo "$baseline is renewed"
  exit 0
fi
[[ -n $then ]] || skip "no baseline for $key; DAPR_MQTT_RENEW_GOLDEN=1 adds one"
off=$(((now - then) * 1000 / then)) # in thousandths
renew="with DAPR_MQTT_RENEW_GOLDEN=1, ctest -L instructions writes the baseline anew"
if ((off > percent * 10)); then
  echo "FAILED: more than $percent % above the baseline. If that has to be, $renew."
  exit 1
elif ((off < -percent * 10)); then
  echo "FAILED: more than $percent % below the baseline: well done. So that it stays, $renew."
  exit 1
fi
