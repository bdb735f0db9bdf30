package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"
)

// DaprdOptions names what a sidecar is started for.
type DaprdOptions struct {
	AppID     string
	App       *App       // none: a sidecar that only publishes
	Component *Component // whose socket folder it looks into
	Resources string     // folder with YAML files, see Resources
	Args      []string   // more of daprd's own
	Env       []string   // likewise
	// Supervised: by a shell that starts it again whenever it ends, as the kubelet does.
	Supervised bool
	// Concurrent: one that hands over the messages of a stream side by side.
	Concurrent bool
}

// Daprd is a real sidecar (see slimdaprd).
type Daprd struct {
	*Process
	HTTPPort, GRPCPort int
}

// supervisor runs its arguments again and again until it is asked to stop.
const supervisor = `trap 'kill $child; wait $child; exit 0' TERM
while :; do "$@" & child=$!; wait $child; done`

// LaunchDaprd returns at once: for a sidecar that is going to fail.
func LaunchDaprd(t testing.TB, o DaprdOptions) *Daprd {
	t.Helper()
	d := &Daprd{HTTPPort: freePort(t), GRPCPort: freePort(t)}
	args := []string{
		"--mode", "standalone", "--app-id", o.AppID, "--resources-path", o.Resources,
		"--dapr-listen-addresses", "127.0.0.1", "--dapr-internal-grpc-listen-address", "127.0.0.1",
		"--dapr-http-port", strconv.Itoa(d.HTTPPort), "--dapr-grpc-port", strconv.Itoa(d.GRPCPort),
		"--dapr-internal-grpc-port", strconv.Itoa(freePort(t)), "--enable-metrics=false",
		"--placement-host-address", "", "--scheduler-host-address", "", "--log-level", "info",
	}
	if o.App != nil {
		args = append(args, "--app-port", strconv.Itoa(o.App.Port))
	}
	args = append(args, o.Args...)
	env := append([]string{"DAPR_COMPONENTS_SOCKETS_FOLDER=" + o.Component.SocketFolder}, o.Env...)
	path := program(t, "SLIMDAPRD_BIN")
	if o.Concurrent {
		path = program(t, "CONCURRENT_DAPRD_BIN")
	}
	if o.Supervised {
		args = append([]string{"-c", supervisor, "supervisor", path}, args...)
		path = "/bin/sh"
	}
	d.Process = launch(t, "daprd "+o.AppID, env, path, args...)
	return d
}

// StartDaprd returns once the sidecar is ready: its Component is initialised and
// the app's subscriptions are made.
func StartDaprd(t testing.TB, o DaprdOptions) *Daprd {
	t.Helper()
	d := LaunchDaprd(t, o)
	Until(t, "daprd is ready", func() bool {
		if !d.Running() {
			t.Fatal("daprd ended instead of getting ready")
		}
		response, err := http.Get(d.url("healthz"))
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusNoContent
	})
	t.Cleanup(func() { d.Terminate(t) })
	return d
}

// Publish sends a message as an app does; query holds request metadata such as
// "metadata.rawPayload=true".
func (d *Daprd) Publish(t testing.TB, pubsub, topic, contentType string, body []byte, query ...string) {
	t.Helper()
	status, answer := d.Post(t, "publish/"+pubsub+"/"+url.PathEscape(topic), contentType, body, query...)
	if status != http.StatusNoContent {
		t.Fatalf("publish to %s: %d %s", topic, status, answer)
	}
}

// PublishJSON sends a value that daprd wraps into a CloudEvent.
func (d *Daprd) PublishJSON(t testing.TB, pubsub, topic string, value any, query ...string) {
	t.Helper()
	body, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	d.Publish(t, pubsub, topic, "application/json", body, query...)
}

// Post calls the sidecar's API below /v1.0.
func (d *Daprd) Post(t testing.TB, path, contentType string, body []byte, query ...string) (int, string) {
	t.Helper()
	status, answer, err := d.TryPost(path, contentType, body, query...)
	if err != nil {
		t.Fatal(err)
	}
	return status, answer
}

// TryPost is Post for a sidecar that may not be there.
func (d *Daprd) TryPost(path, contentType string, body []byte, query ...string) (int, string, error) {
	target := d.url(path)
	for i, q := range query {
		target += map[bool]string{true: "?", false: "&"}[i == 0] + q
	}
	client := http.Client{Timeout: Deadline}
	response, err := client.Post(target, contentType, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, string(answer), err
}

// Capabilities are what the Component's Features returned, by /v1.0/metadata.
func (d *Daprd) Capabilities(t testing.TB, component string) []string {
	t.Helper()
	client := http.Client{Timeout: Deadline}
	response, err := client.Get(d.url("metadata"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var metadata struct {
		Components []struct {
			Name         string
			Capabilities []string
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&metadata); err != nil {
		t.Fatal(err)
	}
	for _, c := range metadata.Components {
		if c.Name == component {
			return c.Capabilities
		}
	}
	t.Fatalf("no component %s in daprd's metadata: %+v", component, metadata)
	return nil
}

func (d *Daprd) url(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d/v1.0/%s", d.HTTPPort, path)
}

// WaitFatal waits for daprd to give up and returns its log.
func (d *Daprd) WaitFatal(t testing.TB) string {
	t.Helper()
	select {
	case <-d.Ended():
	case <-time.After(Deadline):
		t.Fatalf("daprd still runs after %s", Deadline)
	}
	return d.String()
}
