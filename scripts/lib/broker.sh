# shellcheck shell=bash
# A mosquitto of our own for a demonstration: on loopback, on a free port, with
# nothing on disk. It neither uses nor disturbs the system's service.

# start_broker <folder>: sets broker_pid and broker_port. BROKER_LINES: more lines for
# its listener (TLS).
start_broker() {
  local folder=$1 mosquitto attempt
  mosquitto=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mosquitto) ||
    die "mosquitto is not installed; name a broker: scripts/run tcp://host:1883"
  for attempt in {1..20}; do
    # Below the range from which the system gives out ports to connections.
    broker_port=$((20000 + RANDOM % 12000))
    printf '%s\n' "listener $broker_port 127.0.0.1" 'allow_anonymous true' 'persistence false' \
      'log_dest stderr' 'log_type error' 'log_type warning' 'log_type information' \
      "${BROKER_LINES:-}" \
      >"$folder/mosquitto.conf"
    : >"$folder/mosquitto.log"
    setsid setpriv --pdeathsig TERM "$mosquitto" -c "$folder/mosquitto.conf" \
      2>>"$folder/mosquitto.log" &
    broker_pid=$!
    while kill -0 "$broker_pid" 2>/dev/null; do
      # Its last line before it serves. A port that is taken ends it instead.
      ! grep -q 'mosquitto version .* running' "$folder/mosquitto.log" || return 0
      sleep 0.05
    done
    wait "$broker_pid" || true
    broker_pid=
  done
  cat "$folder/mosquitto.log" >&2
  die "mosquitto did not start in $attempt attempts; its last words are above"
}
