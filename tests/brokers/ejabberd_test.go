package brokers

import (
	"fmt"
	"path/filepath"
	"testing"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

func TestEjabberd(t *testing.T) {
	run(t, &adapter{
		name: "ejabberd", tls: true,
		prepare: func(t *testing.T, cache string) string { return debian13Package(t, cache, "ejabberd") },
		launch: func(t testing.TB, cache string, n *node) *harness.Process {
			encryption := ""
			if n.identity != nil {
				encryption = fmt.Sprintf("    tls: true\ncertfiles: [%q, %q, %q]\n",
					n.identity.certFile, n.identity.keyFile, n.identity.caFile)
			}
			config := n.file(t, "ejabberd.yml", fmt.Sprintf(ejabberd, n.port, encryption))
			packages := debian13(cache)
			modules := packages.path(t, "/usr/lib/*/ejabberd-*-*/ebin")
			env := []string{
				"EJABBERD_CONFIG_PATH=" + config,
				"EJABBERD_LOG_PATH=" + filepath.Join(n.folder, "ejabberd.log"),
				"ERL_LIBS=" + filepath.Dir(filepath.Dir(modules)),
				"ERL_CRASH_DUMP=" + filepath.Join(n.folder, "erl_crash.dump"),
			}
			// Without the name of a node, Erlang needs no epmd and listens on no port of its own.
			return packages.start(t, "ejabberd", n.folder, env, packages.path(t, "/usr/lib/erlang/bin/erl"),
				"-noinput", "-mnesia", "dir", fmt.Sprintf("%q", filepath.Join(n.folder, "mnesia")), "-s", "ejabberd")
		},
		shareEndsConnection: true,
		lacks: map[feature]string{
			shared:      "ends the connection on a subscription to `$share/…`",
			sessionDisk: "sessions are in memory",
			expiry:      "the first message that waits in a session counts as sent: it comes though it has expired",
		},
	})
}

const ejabberd = `hosts: [localhost]
loglevel: info
auth_method: [anonymous]
anonymous_protocol: login_anon
allow_multiple_connections: true
listen:
  -
    ip: 127.0.0.1
    port: %d
    module: mod_mqtt
    max_payload_size: 2000000
%smodules:
  mod_mqtt:
    max_queue: 100000
`
