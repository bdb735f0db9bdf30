package harness

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// Log collects what a process writes. Safe for concurrent use.
type Log struct {
	mu    sync.Mutex
	text  strings.Builder
	grown chan struct{} // closed and replaced by each write
}

func newLog() *Log { return &Log{grown: make(chan struct{})} }

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.grown)
	l.grown = make(chan struct{})
	return l.text.Write(p)
}

// Since returns what was written from position from on, and a channel that is
// closed when there is more.
func (l *Log) Since(from int) (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()[from:], l.grown
}

func (l *Log) String() string {
	text, _ := l.Since(0)
	return text
}

// Mark is the position of the end, to wait for what comes later.
func (l *Log) Mark() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Len()
}

// Count is the number of times part was written since from.
func (l *Log) Count(part string, from int) int {
	text, _ := l.Since(from)
	return strings.Count(text, part)
}

// WaitFor returns once part was written after position from.
func (l *Log) WaitFor(t testing.TB, part string, from int) {
	t.Helper()
	timeout := time.NewTimer(Deadline)
	defer timeout.Stop()
	for {
		text, grown := l.Since(from)
		if strings.Contains(text, part) {
			return
		}
		select {
		case <-grown:
		case <-timeout.C:
			t.Fatalf("no %q in the log within %s", part, Deadline)
		}
	}
}
