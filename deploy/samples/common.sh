# shellcheck shell=bash
# A broker and a component for a sample. The samples source this file; it sets binary,
# socket and work, and stops all that it started when the sample ends.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/lib/packages.sh
. scripts/lib/build.sh
. scripts/lib/broker.sh

started=()
work=$(mktemp -d)
cleanup() {
  local pid
  # The last one first: the component can then still disconnect from its broker.
  for ((i = ${#started[@]} - 1; i >= 0; --i)); do
    pid=${started[i]}
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The tests set this to the executable of their build.
binary=${DAPR_MQTT_EXECUTABLE:-}
if [[ -z $binary ]]; then
  install_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_DEMO[@]}"
  build_preset release
  binary=$PWD/build/release/bin/dapr-pubsub-mqtt
fi

sample_broker() {
  start_broker "$work"
  started+=("$broker_pid")
  # shellcheck disable=SC2034  # for those who source this
  url=tcp://127.0.0.1:$broker_port
}

sample_component() {
  socket=$work/sockets/mqtt.sock
  setsid setpriv --pdeathsig TERM "$binary" serve --socket-folder "$work/sockets" \
    --state-dir "$work/state" >"$work/component.log" 2>&1 &
  started+=($!)
  "$binary" probe --wait --timeout 20s --socket "$socket" >/dev/null ||
    { cat "$work/component.log" >&2; die "the component does not serve"; }
}
