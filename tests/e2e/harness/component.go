package harness

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Component is the program under test, serving on a socket of its own.
type Component struct {
	*Process
	SocketFolder string
	Socket       string
	args         []string
}

// StartComponent returns once the socket accepts connections. With the test it
// is asked to stop, and has to do so with exit code 0, whatever was done to it.
func StartComponent(t testing.TB, args ...string) *Component {
	t.Helper()
	// Not t.TempDir: the path of a socket has room for 107 bytes.
	folder, err := os.MkdirTemp("", "mqtt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	c := &Component{SocketFolder: folder, Socket: filepath.Join(folder, "mqtt.sock")}
	// A restarted component finds what it had kept; other tests do not.
	c.args = append([]string{"serve", "--socket-folder", folder, "--name", "mqtt",
		"--state-dir", t.TempDir()}, args...)
	if !slices.Contains(args, "--log-level") {
		c.args = append(c.args, "--log-level", "debug")
	}
	c.Start(t)
	return c
}

// Start runs the component again on its socket, after Terminate; its log starts anew.
func (c *Component) Start(t testing.TB) {
	t.Helper()
	p := launch(t, "component", nil, program(t, "DAPR_PUBSUB_MQTT_BIN"), c.args...)
	c.Process = p
	Until(t, "the component accepts connections", func() bool {
		if !p.Running() {
			t.Fatal("the component ended instead of serving")
		}
		return accepts("unix", c.Socket)
	})
	t.Cleanup(func() {
		if code := p.Terminate(t); code != 0 {
			t.Errorf("the component ended with %d, %s", code, p.cmd.ProcessState)
		}
	})
}

// program returns what an environment variable names; the ctest runner sets it.
func program(t testing.TB, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("set %s to the program's path", variable)
	}
	return path
}
