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
	stateFolder  string
	program      string
	args         []string
	env          []string
}

// StartComponent returns once the socket accepts connections. With the test it
// is asked to stop, and has to do so with exit code 0, whatever was done to it but Kill.
func StartComponent(t testing.TB, args ...string) *Component {
	t.Helper()
	// Not t.TempDir: the path of a socket has room for 107 bytes.
	folder, err := os.MkdirTemp("", "mqtt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	c := &Component{SocketFolder: folder, Socket: filepath.Join(folder, "mqtt.sock"),
		stateFolder: t.TempDir(), program: Program(t)}
	// A restarted component finds what it had kept; other tests do not.
	c.args = append([]string{"serve", "--socket-folder", folder, "--name", "mqtt",
		"--state-dir", c.stateFolder}, args...)
	if !slices.Contains(args, "--log-level") {
		c.args = append(c.args, "--log-level", "debug")
	}
	c.Start(t)
	return c
}

// Start runs the component again on its socket, after Terminate; its log starts anew.
func (c *Component) Start(t testing.TB) {
	t.Helper()
	p := launch(t, "component", c.env, c.program, c.args...)
	c.Process = p
	Until(t, "the component accepts connections", func() bool {
		if !p.Running() {
			t.Fatal("the component ended instead of serving")
		}
		return accepts("unix", c.Socket)
	})
	t.Cleanup(func() {
		if code := p.Terminate(t); code != 0 && !p.killed {
			t.Errorf("the component ended with %d, %s", code, p.cmd.ProcessState)
		}
	})
}

// LoseState removes what it has kept on disk. Between its end and Start.
func (c *Component) LoseState(t testing.TB) {
	t.Helper()
	entries, err := os.ReadDir(c.stateFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(c.stateFolder, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// Crash ends the component by SIGKILL, and starts it again.
func (c *Component) Crash(t testing.TB) {
	t.Helper()
	c.Kill()
	c.killed = true
	c.Start(t)
}

// Upgrade stops the component in order, and starts another executable in its place.
func (c *Component) Upgrade(t testing.TB) {
	t.Helper()
	if code := c.Terminate(t); code != 0 {
		t.Fatalf("the component ended with %d", code)
	}
	executable, err := os.ReadFile(Program(t))
	if err != nil {
		t.Fatal(err)
	}
	c.program = filepath.Join(t.TempDir(), "dapr-pubsub-mqtt")
	if err := os.WriteFile(c.program, executable, 0o700); err != nil {
		t.Fatal(err)
	}
	c.Start(t)
}

// SetEnv sets a variable of the component, from its next start on.
func (c *Component) SetEnv(assignment string) { c.env = append(c.env, assignment) }

// Program is the path of the component's executable.
func Program(t testing.TB) string { return program(t, "DAPR_PUBSUB_MQTT_BIN") }

// program returns what an environment variable names; the ctest runner sets it.
func program(t testing.TB, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("set %s to the program's path", variable)
	}
	return path
}
