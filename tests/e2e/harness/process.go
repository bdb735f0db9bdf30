package harness

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process is a program under the test's control.
type Process struct {
	*Log
	name  string
	cmd   *exec.Cmd
	ended chan struct{}

	killed bool // by the test, which does not blame it for that
}

// launch starts a program that is killed with the test, if it still runs then.
func launch(t testing.TB, name string, env []string, path string, args ...string) *Process {
	t.Helper()
	return launchIn(t, "", name, env, path, args...)
}

// StartProgram runs a command of PATH in a folder, and ends it with the test.
func StartProgram(t testing.TB, name, folder string, env []string, command ...string) *Process {
	t.Helper()
	path, err := exec.LookPath(command[0])
	if err != nil {
		t.Fatal(err)
	}
	return launchIn(t, folder, name, env, path, command[1:]...)
}

func launchIn(t testing.TB, folder, name string, env []string, path string, args ...string) *Process {
	t.Helper()
	p := &Process{Log: newLog(), name: name, ended: make(chan struct{})}
	p.cmd = exec.Command(path, args...)
	p.cmd.Dir = folder
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.Log, p.Log
	p.cmd.WaitDelay = time.Second // a grandchild may hold the pipes open
	// Setsid: a scheduling group of its own, as in a container or a systemd unit.
	// Pdeathsig: a test binary that is killed leaves nothing running.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // the result is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("----- %s, %s\n%s", name, p.cmd.ProcessState, tail(p.String()))
		}
	})
	return p
}

// tail keeps a failed test's report readable.
func tail(text string) string {
	const most = 200_000
	if len(text) > most {
		return "[…]" + text[strings.IndexByte(text[len(text)-most:], '\n')+len(text)-most:]
	}
	return text
}

// Signal sends to the process alone.
func (p *Process) Signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("%s: %v", p.name, err)
	}
}

// Kill ends the process and its children at once, and waits.
func (p *Process) Kill() {
	if p.Running() {
		p.killed = true
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // may just have ended
	}
	<-p.ended
}

// Pid is the process's own number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Running is false once the process has ended.
func (p *Process) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Ended is closed at the end of the process.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// WaitExit returns the exit code, -1 for a death by signal.
func (p *Process) WaitExit(t testing.TB) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(Deadline):
		t.Fatalf("%s has not ended within %s", p.name, Deadline)
		return 0
	}
}

// Terminate sends SIGTERM and returns the exit code.
func (p *Process) Terminate(t testing.TB) int {
	t.Helper()
	p.Signal(t, syscall.SIGTERM)
	return p.WaitExit(t)
}
