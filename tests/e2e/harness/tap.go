package harness

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// Tap stands between the component and the broker and keeps what the component
// sends, for each connection.
type Tap struct {
	Port int

	mu          sync.Mutex
	connections [][]byte
}

// StartTap forwards a loopback port of its own to the broker, until the test ends.
func StartTap(t testing.TB, broker *Broker) *Tap {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tap := &Tap{Port: listener.Addr().(*net.TCPAddr).Port}
	to := fmt.Sprintf("127.0.0.1:%d", broker.Port)
	var running sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { tap.forward(client, to) })
		}
	})
	return tap
}

func (tap *Tap) forward(client net.Conn, to string) {
	defer client.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	tap.mu.Lock()
	index := len(tap.connections)
	tap.connections = append(tap.connections, nil)
	tap.mu.Unlock()
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	buffer := make([]byte, 64*1024)
	for {
		n, err := client.Read(buffer)
		tap.mu.Lock()
		tap.connections[index] = append(tap.connections[index], buffer[:n]...)
		tap.mu.Unlock()
		if _, failed := server.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
	}
}

// Sent returns a copy of what has come so far, a slice for each connection.
func (tap *Tap) Sent() [][]byte {
	tap.mu.Lock()
	defer tap.mu.Unlock()
	out := make([][]byte, len(tap.connections))
	for i, sent := range tap.connections {
		out[i] = append([]byte(nil), sent...)
	}
	return out
}
