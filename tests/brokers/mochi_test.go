package brokers

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

func TestMochi(t *testing.T) {
	run(t, &adapter{
		// Not quick: of what was in flight when a client is killed it does not always send all again.
		name: "mochi-mqtt", tls: true,
		prepare: func(t *testing.T, _ string) string {
			modules, err := os.ReadFile("../go.mod")
			if err != nil {
				t.Fatal(err)
			}
			_, rest, _ := strings.Cut(string(modules), "github.com/mochi-mqtt/server/v2 v")
			version, _, _ := strings.Cut(rest, "\n")
			return version
		},
		// A process of its own, to be killed: this test program, see TestMain.
		launch: func(t testing.TB, _ string, n *node) *harness.Process {
			env := []string{fmt.Sprintf("MOCHI_ADDRESS=127.0.0.1:%d", n.port)}
			if n.identity != nil {
				env = append(env, "MOCHI_CERT="+n.identity.certFile, "MOCHI_KEY="+n.identity.keyFile)
			}
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			return harness.StartProgram(t, "mochi", n.folder, env, program)
		},
		lacks: map[feature]string{
			reasons:     "PUBACK says 0x00",
			sessionDisk: "sessions are in memory (a hook for storage keeps them)",
		},
	})
}

func TestMain(m *testing.M) {
	if address := os.Getenv("MOCHI_ADDRESS"); address != "" {
		serveMochi(address, os.Getenv("MOCHI_CERT"), os.Getenv("MOCHI_KEY"))
		return
	}
	os.Exit(m.Run())
}

func serveMochi(address, cert, key string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	fail(server.AddHook(new(auth.AllowHook), nil))
	config := listeners.Config{ID: "tcp", Address: address}
	if cert != "" {
		config.TLSConfig = serverTLS(cert, key)
	}
	fail(server.AddListener(listeners.NewTCP(config)))
	fail(server.Serve())
	waitForSignal()
	fail(server.Close())
}

func serverTLS(cert, key string) *tls.Config {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}
}

func waitForSignal() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
}
