# shellcheck shell=bash
# A separate mosquitto for a demonstration: on loopback, on a free port, without
# persistence. It does not use or change the system's mosquitto service.

# start_broker <folder>: sets broker_pid and broker_port. BROKER_LINES has further lines
# of configuration for its listener (TLS).
start_broker() {
  local folder=$1 mosquitto attempt
  mosquitto=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mosquitto) ||
    die "mosquitto is not installed; name a broker: scripts/run tcp://host:1883"
  for attempt in {1..20}; do
    # Below the range of ports that the system gives to outgoing connections.
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
      # This is its last line before it serves. If the port is taken, mosquitto ends instead.
      ! grep -q 'mosquitto version .* running' "$folder/mosquitto.log" || return 0
      sleep 0.05
    done
    wait "$broker_pid" || true
    broker_pid=
  done
  cat "$folder/mosquitto.log" >&2
  die "mosquitto did not start in $attempt attempts; its last output is above"
}
