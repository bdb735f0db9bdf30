package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// BenchmarkDaprd is the way through daprd: ours, Dapr's built-in mqtt3 as a pluggable
// component by Dapr's SDK (if SDK_PEER_BIN names that program), and mqtt3 in daprd's own
// process. "cpu-µs/op" is daprd's and the component's together, "p50-ms" and "p99-ms" are
// of a call, or of the way from the broker to the app. Each process is in a scheduling
// group of its own. Run by scripts/bench --daprd.
func BenchmarkDaprd(b *testing.B) {
	subjects := []string{"ours", "built-in"}
	if os.Getenv("SDK_PEER_BIN") != "" {
		subjects = append(subjects, "SDK-peer")
	}
	for _, callers := range []int{1, 16} {
		for _, subject := range subjects {
			b.Run(fmt.Sprintf("publish/%d/%s", callers, subject), func(b *testing.B) {
				benchmarkPublish(b, startForBench(b, subject), callers)
			})
		}
	}
	for _, subject := range subjects {
		b.Run("deliver/"+subject, func(b *testing.B) { benchmarkDeliver(b, startForBench(b, subject)) })
	}
	for _, subject := range subjects {
		b.Run("deliver-1000-a-second/"+subject, func(b *testing.B) { benchmarkPaced(b, startForBench(b, subject)) })
	}
}

// startForBench is start with the component of that name.
func startForBench(b *testing.B, subject string) stack {
	s := stack{broker: harness.StartBroker(b, harness.BrokerOptions{})}
	if subject == "SDK-peer" {
		folder := b.TempDir()
		socket := filepath.Join(folder, "mqtt.sock")
		peer := harness.StartProgram(b, "peer", folder, nil, os.Getenv("SDK_PEER_BIN"), socket)
		s.component = &harness.Component{Process: peer, SocketFolder: folder, Socket: socket}
		harness.Until(b, "the peer serves", func() bool { _, err := os.Stat(socket); return err == nil })
	} else {
		s.component = harness.StartComponent(b, "--log-level", "info")
	}
	s.app = harness.StartApp(b, nil, to("in", "rawPayload", "true"))
	yaml := plain(s.broker, map[string]string{"consumerID": "bench"})
	if subject == "built-in" {
		yaml = strings.Replace(yaml, "type: pubsub.mqtt\n", "type: pubsub.mqtt3\n", 1)
		require.Contains(b, yaml, "mqtt3")
	}
	s.resources = harness.Resources(b, map[string]string{"pubsub.yaml": yaml})
	mark := s.broker.Mark()
	s.daprd = harness.StartDaprd(b, harness.DaprdOptions{
		AppID: appID, App: s.app, Component: s.component, Resources: s.resources,
	})
	s.broker.WaitSubscribed(b, "in", mark)
	return s
}

func benchmarkPublish(b *testing.B, s stack, callers int) {
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
	target := fmt.Sprintf("http://127.0.0.1:%d/v1.0/publish/%s/out", s.daprd.HTTPPort, pubsub)
	body := []byte(`"` + strings.Repeat("x", 254) + `"`)
	publish := func() error {
		response, err := client.Post(target, "application/json", bytes.NewReader(body))
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		if response.StatusCode != http.StatusNoContent {
			return fmt.Errorf("status %d", response.StatusCode)
		}
		return nil
	}
	require.NoError(b, publish())
	var times latencies
	timed := func() error {
		begin := time.Now()
		defer func() { times.add(time.Since(begin)) }()
		return publish()
	}
	measured(b, s, func() {
		var group sync.WaitGroup
		var begun atomic.Int64
		for range callers {
			group.Go(func() {
				for begun.Add(1) <= int64(b.N) {
					if err := timed(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
	})
	times.report(b)
}

// benchmarkDeliver has a device publish, with a hundred on their way, until the app has
// had all.
func benchmarkDeliver(b *testing.B, s stack) {
	device := s.broker.Connect(b)
	body := []byte(`"` + strings.Repeat("x", 254) + `"`)
	device.Publish(b, "in", body)
	s.app.Next(b)
	measured(b, s, func() {
		const ahead = 100
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range b.N {
				s.app.Next(b)
			}
		}()
		device.PublishMany(b, "in", body, b.N, ahead)
		<-done
	})
}

// benchmarkPaced has a device publish a message each millisecond; what it takes counts from
// when it was due.
func benchmarkPaced(b *testing.B, s stack) {
	device := s.broker.Connect(b)
	device.Publish(b, "in", []byte("0"))
	s.app.Next(b)
	var times latencies
	measured(b, s, func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range b.N {
				var event struct {
					Data []byte `json:"data_base64"` // as daprd wraps it
				}
				err := json.Unmarshal(s.app.Next(b).Body, &event)
				due, notNumber := strconv.ParseInt(string(bytes.TrimSpace(event.Data)), 10, 64)
				if err = errors.Join(err, notNumber); err != nil {
					b.Error(err)
					return
				}
				times.add(time.Since(time.Unix(0, due)))
			}
		}()
		const ahead = 100
		due := time.Now()
		device.PublishEach(b, b.N, ahead, func(int) (string, []byte) {
			due = due.Add(time.Millisecond)
			time.Sleep(time.Until(due)) // the load's own clock: no event tells it
			return "in", fmt.Appendf(nil, "%-254d", due.UnixNano())
		})
		<-done
	})
	times.report(b)
}

// latencies are gathered by any goroutine.
type latencies struct {
	mu   sync.Mutex
	took []time.Duration
}

func (l *latencies) add(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, took)
}

func (l *latencies) report(b *testing.B) {
	if len(l.took) == 0 {
		return // it has failed
	}
	slices.Sort(l.took)
	for _, percent := range []int{50, 99} {
		at := l.took[(len(l.took)-1)*percent/100]
		b.ReportMetric(float64(at)/float64(time.Millisecond), fmt.Sprintf("p%d-ms", percent))
	}
}

// measured times what do does and reports the CPU time that it took.
func measured(b *testing.B, s stack, do func()) {
	b.ResetTimer()
	before := cpuTime(b, s.daprd.Process) + cpuTime(b, s.component.Process)
	do()
	b.StopTimer()
	after := cpuTime(b, s.daprd.Process) + cpuTime(b, s.component.Process)
	b.ReportMetric(float64((after-before).Microseconds())/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// cpuTime is what all threads of a process have run, also those that have ended.
func cpuTime(b *testing.B, p *harness.Process) time.Duration {
	clock := ^p.Pid()<<3 | 2 // clock_getcpuclockid(3): CPUCLOCK_SCHED of a process
	var ran syscall.Timespec
	_, _, err := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&ran)), 0)
	require.Zero(b, err)
	return time.Duration(ran.Nano())
}
