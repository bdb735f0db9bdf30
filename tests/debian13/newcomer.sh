#!/usr/bin/env bash
# A newcomer's first run, in a fresh clone on a Debian 13: the commands of the README
# and of docs/component.md, taken from their text, and a look at what they print.
#   newcomer.sh <clone>
set -euo pipefail
set -m # what is started has Ctrl-C as in a terminal
cd "$1"
work=$(mktemp -d)
touch "$work/run.log" "$work/subscribe.log" # or tail may look before they are there
PATH=$PWD/build/release/bin:$PATH
run_pid=
subscribe_pid=

say() { printf '==> %s\n' "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*"
  tail -n 30 "$work"/*.log
  exit 1
}
cleanup() {
  for pid in $subscribe_pid $run_pid; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}
trap cleanup EXIT

# section <file> <heading>: its text, to the next heading of the same level.
section() { awk -v heading="$2" '/^## / { inside = ($0 == heading); next } inside' "$1"; }
# What is indented like code, without comments; and what follows a prompt.
indented() { sed -n 's/^    \([^ ].*\)$/\1/p' | sed 's/  *# .*//'; }
prompted() { sed -n 's/^\$ //p'; }
# in_backquotes <beginning of a command>
in_backquotes() { grep -o "\`$1[^\`]*\`" | head -n 1 | tr -d '`'; }

# wait_for <text> <log> <pid>: until it is there. The process must live.
wait_for() {
  grep -qF -m 1 -- "$1" < <(timeout 900 tail -n +1 --pid="$3" -f "$2") ||
    fail "no \"$1\" in $(basename "$2")"
}
# run <text> <command…>: what it prints must hold the text.
run() {
  local wanted=$1
  shift
  say "$*"
  bash -euc "$*" >"$work/command.log" 2>&1 || fail "exit status $?: $*"
  cat "$work/command.log"
  grep -qF -- "$wanted" "$work/command.log" || fail "no \"$wanted\" from: $*"
}

first=$(section README.md "## Try it" | indented | head -n 1)
[[ $first == scripts/run ]] || fail "README.md begins with another command: $first"
say "$first"
$first >"$work/run.log" 2>&1 &
run_pid=$!
wait_for "Serving until Ctrl-C" "$work/run.log" $run_pid
grep -F "received" "$work/run.log" || fail "no message came back"

# What it has written, as the Component that the pages speak of.
mkdir components
cp build/run/resources/*.yaml components/mqtt.yaml
url=$(sed -n 's/^ *value: "\(tcp:.*\)"$/\1/p' components/mqtt.yaml)
say "The component's broker: $url"

mapfile -t commands < <(section README.md "## When something does not work" | indented)
((${#commands[@]} == 3)) || fail "README.md has other commands: ${commands[*]}"
run "0 errors" "${commands[0]}"
run "passed: " "${commands[1]}"
run "version" "${commands[2]}"

page=$(section docs/component.md "## Try it without daprd")
subscribe=$(in_backquotes "dapr-pubsub-mqtt probe subscribe" <<<"$page")
say "$subscribe"
bash -euc "exec $subscribe" >"$work/subscribe.log" 2>&1 &
subscribe_pid=$!
wait_for 'ready: receives \"greetings/#' "$work/run.log" $run_pid
mapfile -t commands < <(prompted <<<"$page")
for command in "${commands[@]}"; do
  case $command in
    *" publish "*) run "published" "$command" ;;
    *) run "services" "${command//tcp:\/\/localhost:1883/$url}" ;;
  esac
done
wait_for 'greetings/1 {"hello":"world"}' "$work/subscribe.log" $subscribe_pid
cat "$work/subscribe.log"
kill -INT "$subscribe_pid"
wait "$subscribe_pid" || true
subscribe_pid=

say "Ctrl-C"
kill -INT "$run_pid"
wait "$run_pid" || fail "$first ended with $?"
run_pid=
[[ ! -e /tmp/dapr-components-sockets/mqtt.sock ]] || fail "the socket is still there"

run "received" "$(section README.md "## Try it" | in_backquotes "scripts/run --once")"
echo PASSED
