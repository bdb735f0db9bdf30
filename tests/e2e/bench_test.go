package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// BenchmarkDaprd is the way through daprd: ours, Dapr's built-in mqtt3 as a pluggable
// component by Dapr's SDK (if SDK_PEER_BIN names that program), and mqtt3 in daprd's own
// process. "cpu-µs/op" is daprd's and the component's together. Run by
// scripts/bench --daprd.
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
	b.SetParallelism((callers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	if callers == 1 {
		measured(b, s, func() {
			for range b.N {
				if err := publish(); err != nil {
					b.Fatal(err)
				}
			}
		})
		return
	}
	measured(b, s, func() {
		b.RunParallel(func(calls *testing.PB) {
			for calls.Next() {
				if err := publish(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
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

// measured times what do does and reports the CPU time that it took.
func measured(b *testing.B, s stack, do func()) {
	b.ResetTimer()
	before := cpuNanoseconds(b, s.daprd.Process) + cpuNanoseconds(b, s.component.Process)
	do()
	b.StopTimer()
	after := cpuNanoseconds(b, s.daprd.Process) + cpuNanoseconds(b, s.component.Process)
	b.ReportMetric((after-before)/1000/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// cpuNanoseconds is what all threads of a process have run.
func cpuNanoseconds(b *testing.B, p *harness.Process) float64 {
	tasks := fmt.Sprintf("/proc/%d/task", p.Pid())
	entries, err := os.ReadDir(tasks)
	require.NoError(b, err)
	sum := 0.0
	for _, entry := range entries {
		text, err := os.ReadFile(tasks + "/" + entry.Name() + "/schedstat")
		if err != nil {
			continue // ended meanwhile
		}
		ran, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
		require.NoError(b, err)
		sum += ran
	}
	return sum
}
