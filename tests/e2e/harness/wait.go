package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// Until polls for states that no event announces: a port that answers, a file
// that is gone.
func Until(t testing.TB, what string, reached func() bool) {
	t.Helper()
	for end := time.Now().Add(Deadline); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if reached() {
			return
		}
	}
	t.Fatalf("not within %s: %s", Deadline, what)
}

// accepts tells whether somebody listens.
func accepts(network, address string) bool {
	conn, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// freePort returns a loopback port where nobody listens, outside the range that
// the kernel hands to outgoing connections, so that it stays free but for an
// unlikely draw by another test.
func freePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 12000 + rand.IntN(20000)
		if listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// UnusedPort is one where a connection is refused.
func UnusedPort(t testing.TB) int { return freePort(t) }
