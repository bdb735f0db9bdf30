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
}

// Daprd is a real sidecar (see slimdaprd).
type Daprd struct {
	*Process
	HTTPPort, GRPCPort int
}

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
	env := []string{"DAPR_COMPONENTS_SOCKETS_FOLDER=" + o.Component.SocketFolder}
	d.Process = launch(t, "daprd "+o.AppID, env, program(t, "SLIMDAPRD_BIN"), args...)
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
	target := d.url(path)
	for i, q := range query {
		target += map[bool]string{true: "?", false: "&"}[i == 0] + q
	}
	client := http.Client{Timeout: Deadline}
	response, err := client.Post(target, contentType, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
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
