package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// BrokerOptions: the zero value is a plain broker for anonymous clients.
type BrokerOptions struct {
	// User and Password: nobody else gets in.
	User, Password string
	// Authority switches to TLS, with a server certificate for localhost.
	Authority *Authority
	// ClientCertificates asks every client for one of Authority's.
	ClientCertificates bool
}

// Broker is a real mosquitto on loopback. Its log says what it was sent.
type Broker struct {
	*Process
	Port    int
	options BrokerOptions
	ca      string // CA certificate's PEM, empty without TLS
	folder  string
}

// StartBroker returns once the broker accepts connections.
func StartBroker(t testing.TB, options BrokerOptions) *Broker {
	t.Helper()
	b := &Broker{options: options, folder: t.TempDir()}
	lines := []string{"log_type all", "log_dest stderr", "persistence false", "max_queued_messages 0"}
	if os.Geteuid() == 0 {
		lines = append(lines, "user root") // else it gives up the right to read its files
	}
	if options.User != "" {
		lines = append(lines, "allow_anonymous false", "password_file "+b.passwords(t))
	} else {
		lines = append(lines, "allow_anonymous true")
	}
	if options.Authority != nil {
		server := options.Authority.Server(t)
		b.ca = options.Authority.CertPEM
		lines = append(lines,
			"cafile "+b.file(t, "ca.pem", b.ca),
			"certfile "+b.file(t, "server.pem", server.CertPEM),
			"keyfile "+b.file(t, "server.key", server.KeyPEM))
		if options.ClientCertificates {
			lines = append(lines, "require_certificate true")
		}
	}
	// Another test may draw the same port between our look and mosquitto's bind.
	for range 5 {
		b.Port = freePort(t)
		config := append([]string{fmt.Sprintf("listener %d 127.0.0.1", b.Port)}, lines...)
		b.file(t, "mosquitto.conf", strings.Join(config, "\n")+"\n")
		if b.Start(t) {
			return b
		}
	}
	t.Fatalf("mosquitto does not start:\n%s", b.Log)
	return nil
}

// Start runs the broker again on its port, after Kill or Terminate; its log
// starts anew. False when it ended instead of accepting connections.
func (b *Broker) Start(t testing.TB) bool {
	t.Helper()
	b.Process = launch(t, "mosquitto", nil, findMosquitto(t), "-c", filepath.Join(b.folder, "mosquitto.conf"))
	Until(t, "mosquitto accepts connections", func() bool {
		return !b.Running() || accepts("tcp", fmt.Sprintf("127.0.0.1:%d", b.Port))
	})
	return b.Running()
}

// URL in the scheme that the options ask for, without user and password.
func (b *Broker) URL() string {
	scheme := "tcp"
	if b.options.Authority != nil {
		scheme = "ssl"
	}
	return fmt.Sprintf("%s://localhost:%d", scheme, b.Port)
}

// WaitSubscribed returns once a client has subscribed to filter, after position
// from of the log. What is published afterwards reaches it.
func (b *Broker) WaitSubscribed(t testing.TB, filter string, from int) {
	t.Helper()
	b.WaitFor(t, "\t"+filter+" (QoS ", from)
}

// TakeOvers counts the clients that were thrown out by another one with their ID.
func (b *Broker) TakeOvers() int { return b.Count("already connected, closing old connection", 0) }

func (b *Broker) passwords(t testing.TB) string {
	t.Helper()
	path := filepath.Join(b.folder, "passwords")
	out, err := exec.Command("mosquitto_passwd", "-c", "-b", path, b.options.User, b.options.Password).CombinedOutput()
	if err != nil {
		t.Fatalf("mosquitto_passwd: %v\n%s", err, out)
	}
	return path
}

func (b *Broker) file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(b.folder, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func findMosquitto(t testing.TB) string {
	t.Helper()
	if path, err := exec.LookPath("mosquitto"); err == nil {
		return path
	}
	const debian = "/usr/sbin/mosquitto" // not in every user's PATH
	if _, err := os.Stat(debian); err != nil {
		t.Fatal("mosquitto is not installed")
	}
	return debian
}
