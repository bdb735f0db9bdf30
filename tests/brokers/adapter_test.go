package brokers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// adapter is what the suite has to know of one broker.
type adapter struct {
	name string
	// quick: is installed and started within seconds, so that every run has it.
	quick bool
	// prepare installs the broker into a folder that outlives the test, or skips the test
	// with the reason why that is not possible here. It returns the version.
	prepare func(t *testing.T, cache string) (version string)
	// launch starts the broker in n.folder, where its data is, on n.port of loopback.
	launch func(t testing.TB, cache string, n *node) *harness.Process
	// tls: launch knows n.identity.
	tls bool
	// lacks: what the broker does not have, and what it does instead. A promise that it
	// keeps all the same fails the test.
	lacks map[feature]string
	// shareIsATopic: of what lacks `$share`, those that let a client publish to a topic of that name, so
	// that the component sees it, and warns.
	shareIsATopic bool
	// shareEndsConnection: of what lacks `$share`, those that close the connection of MQTT 3.1.1 on such a
	// subscription, so that it is refused and there is nothing to warn of.
	shareEndsConnection bool
	// ownPort5: MQTT 5 has a port of its own.
	ownPort5 bool
}

// node is one process of a broker, and its data.
type node struct {
	*harness.Process
	adapter  *adapter
	cache    string
	owner    *testing.T
	folder   string
	port     int
	port5    int            // for MQTT 5
	ports    map[string]int // others, by name
	identity *identity      // with TLS
}

// identity is a server's, and who signed it, also as files in the node's folder.
type identity struct {
	authority                 *harness.Authority
	caFile, certFile, keyFile string
}

// startNode returns once the broker answers CONNECT.
func startNode(t *testing.T, a *adapter, cache string, withTLS bool) *node {
	n := newNode(t, a, cache, withTLS)
	n.start(t)
	return n
}

// newNode has its folder and its port, and does not run yet.
func newNode(t *testing.T, a *adapter, cache string, withTLS bool) *node {
	n := &node{adapter: a, cache: cache, owner: t, folder: t.TempDir(), port: harness.UnusedPort(t)}
	if n.port5 = n.port; a.ownPort5 {
		n.port5 = harness.UnusedPort(t)
	}
	if withTLS {
		authority := harness.NewAuthority(t)
		server := authority.Server(t)
		n.identity = &identity{authority: authority,
			caFile:   n.file(t, "ca.pem", authority.CertPEM),
			certFile: n.file(t, "server.pem", server.CertPEM),
			keyFile:  n.file(t, "server.key", server.KeyPEM)}
	}
	return n
}

// start runs the broker, again with its data after stop or Kill.
func (n *node) start(t testing.TB) {
	n.Process = n.adapter.launch(n.owner, n.cache, n)
	n.await(t)
}

// await returns once the broker answers CONNECT.
func (n *node) await(t testing.TB) {
	// Some load a virtual machine and their plug-ins first.
	for end := time.Now().Add(3 * harness.Deadline); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if !n.Running() {
			t.Fatalf("%s ended instead of serving:\n%s", n.adapter.name, n.String())
		}
		if n.answers() {
			return
		}
	}
	t.Fatalf("%s does not answer CONNECT:\n%s", n.adapter.name, n.String())
}

// stop ends the broker in order.
func (n *node) stop(t testing.TB) { n.Terminate(t) }

// url for this version of MQTT.
func (n *node) url(version string) string {
	port := n.port
	if version == "5" {
		port = n.port5
	}
	if n.identity != nil {
		return fmt.Sprintf("ssl://localhost:%d", port)
	}
	return fmt.Sprintf("tcp://127.0.0.1:%d", port)
}

func (n *node) tlsConfig() *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(n.identity.authority.CertPEM))
	return &tls.Config{RootCAs: roots, ServerName: "localhost"}
}

// dial is a connection without MQTT.
func (n *node) dial(port int) (net.Conn, error) {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if n.identity != nil {
		return (&tls.Dialer{Config: n.tlsConfig()}).DialContext(ctx, "tcp", address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// answers tells whether a client gets in.
func (n *node) answers() bool {
	conn, err := n.dial(n.port)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	connect := "\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05ready"
	if _, err := io.WriteString(conn, connect); err != nil {
		return false
	}
	var connack [4]byte
	_, err = io.ReadFull(conn, connack[:])
	_, _ = io.WriteString(conn, "\xe0\x00")
	return err == nil && connack[0] == 0x20 && connack[3] == 0
}

// file writes into the node's folder and returns the path.
func (n *node) file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(n.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
