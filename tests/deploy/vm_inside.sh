#!/bin/bash
# What vm_test.sh runs in its machine, as a unit of systemd.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
unit=dapr-pubsub-mqtt run=/run/dapr-pubsub-mqtt state=/var/lib/dapr-pubsub-mqtt
socket=$run/mqtt.sock

fail() {
  echo "VM FAILED: $*"
  systemctl status $unit --no-pager || true
  journalctl -u $unit --no-pager -n 30 || true
  exit 1
}
trap 'fail "line $LINENO"' ERR
property() { systemctl show -p "$1" --value $unit; }
is() { [[ $2 == "$3" ]] || fail "$1 is $2, not $3"; }
# until_is <what> <expected> <command…>: within a minute.
until_is() {
  local what=$1 expected=$2 value
  shift 2
  for ((i = 0; i < 300; ++i)); do
    value=$("$@")
    [[ $value != "$expected" ]] || return 0
    sleep 0.2
  done
  fail "$what is $value, not $expected"
}
install() { apt-get install -q -y --no-install-recommends "$@" >/test/apt.log 2>&1 || { cat /test/apt.log; fail "apt-get install $*"; }; }
probe_as() { setpriv --reuid nobody --regid nogroup "$@" dapr-pubsub-mqtt probe --socket $socket; }

systemctl --version | head -n 1
echo "STEP installed: it runs, as a user of its own, ready when the socket is there"
install /test/first.deb
is state "$(property ActiveState)/$(property SubState)" active/running
is status "$(property StatusText)" "serving on $socket"
is enabled "$(systemctl is-enabled $unit)" enabled
is "$run" "$(stat -c %U:%G:%a $run)" dapr-pubsub-mqtt:dapr-pubsub-mqtt:750
is "$state" "$(stat -c %U:%G:%a $state)" dapr-pubsub-mqtt:dapr-pubsub-mqtt:700
is socket "$(stat -c %U:%G:%a $socket)" dapr-pubsub-mqtt:dapr-pubsub-mqtt:660
status=/proc/$(property MainPID)/status
is capabilities "$(awk '$1 ~ /^Cap(Eff|Bnd)/ { print $2 }' "$status" | sort -u)" 0000000000000000
is "no new privileges" "$(awk '$1 == "NoNewPrivs:" { print $2 }' "$status")" 1
is seccomp "$(awk '$1 == "Seccomp:" { print $2 }' "$status")" 2
systemd-analyze security --no-pager $unit | tail -n 1

echo "STEP used: by its group, not by others, through a broker"
probe_as --clear-groups 2>/dev/null && fail "anybody can connect"
probe_as --groups dapr-pubsub-mqtt >/dev/null
systemctl start mosquitto
dapr-pubsub-mqtt probe round-trip --socket $socket --url tcp://127.0.0.1:1883

echo "STEP killed: it comes back, and so does what requires it"
printf '%s\n' '[Unit]' "Requires=$unit.service" "After=$unit.service" \
  '[Service]' 'ExecStart=/bin/sleep infinity' >/etc/systemd/system/sidecar.service
systemctl daemon-reload
systemctl start sidecar
sidecar=$(systemctl show -p MainPID --value sidecar)
kill -KILL "$(property MainPID)"
until_is restarts 1 property NRestarts
until_is state active property ActiveState
until_is sidecar active systemctl is-active sidecar
[[ $(systemctl show -p MainPID --value sidecar) != "$sidecar" ]] || fail "the sidecar was not restarted"
probe_as --groups dapr-pubsub-mqtt >/dev/null

echo "STEP upgraded: restarted, with the file of options that the user changed"
echo 'DAPR_PUBSUB_MQTT_METRICS_ADDRESS=9464' >>/etc/default/dapr-pubsub-mqtt
pid=$(property MainPID)
install /test/next.deb
is state "$(property ActiveState)" active
[[ $(property MainPID) != "$pid" ]] || fail "it was not restarted"
tail -n 1 /etc/default/dapr-pubsub-mqtt | grep -q 9464
(echo >/dev/tcp/127.0.0.1/9464) || fail "no metrics"

echo "STEP stopped: in order, and not started again against the user's will"
systemctl stop $unit
is state "$(property ActiveState)/$(property Result)" inactive/success
[[ ! -e $run ]] || fail "it left $run"
systemctl disable $unit 2>/dev/null
install --reinstall /test/next.deb
is "state after a new installation" "$(property ActiveState)" inactive

echo "STEP removed and purged: what was not handled goes with the purge only"
touch $state/unhandled
apt-get remove -q -y $unit >/dev/null 2>&1
[[ -e $state/unhandled ]] || fail "remove took $state"
apt-get purge -q -y $unit >/dev/null 2>&1
left=$(find / -xdev -name '*dapr-pubsub-mqtt*' -not -path '/test/*' -not -path '/proc/*')
[[ -z $left ]] || fail "left behind: $left"
[[ -z $(systemctl --failed --plain --no-legend) ]] || fail "$(systemctl --failed --no-pager)"
echo "VM PASSED"
