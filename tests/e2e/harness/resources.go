package harness

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Resources writes files of a name each into a new folder for daprd.
func Resources(t testing.TB, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range files {
		WriteFile(t, filepath.Join(folder, name), content)
	}
	return folder
}

// WriteFile replaces a file in one step, so that a watcher never reads half of it.
func WriteFile(t testing.TB, path, content string) {
	t.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

// ComponentYAML is a Component of type pubsub.mqtt.
func ComponentYAML(name string, metadata map[string]string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: %s\n", name)
	out.WriteString("spec:\n  type: pubsub.mqtt\n  version: v1\n  metadata:\n")
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		fmt.Fprintf(&out, "  - name: %s\n    value: %q\n", key, metadata[key])
	}
	return out.String()
}

// SubscriptionYAML is a declarative subscription (v2alpha1); metadata as in "rawPayload=true".
func SubscriptionYAML(name, pubsub, topic, route string, metadata ...string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "apiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata:\n  name: %s\n", name)
	fmt.Fprintf(&out, "spec:\n  topic: %q\n  pubsubname: %s\n  routes:\n    default: %s\n", topic, pubsub, route)
	if len(metadata) > 0 {
		out.WriteString("  metadata:\n")
		for _, pair := range metadata {
			key, value, _ := strings.Cut(pair, "=")
			fmt.Fprintf(&out, "    %s: %q\n", key, value)
		}
	}
	return out.String()
}
