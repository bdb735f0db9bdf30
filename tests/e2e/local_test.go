package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

const local = "../../deploy/local"

// runFile is what `dapr run -f` reads of a dapr.yaml, as far as ours uses it.
type runFile struct {
	Version int `json:"version"`
	Common  struct {
		ResourcesPath string `json:"resourcesPath"`
	} `json:"common"`
	Apps []struct {
		AppID      string   `json:"appID"`
		AppDirPath string   `json:"appDirPath"`
		AppPort    int      `json:"appPort"`
		Command    []string `json:"command"`
	} `json:"apps"`
}

// The dapr command's part is played here: it starts each app beside a daprd.
func TestLocal_apps_of_dapr_yaml_in_two_languages_share_one_component(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(local, "dapr.yaml"))
	require.NoError(t, err)
	var run runFile
	require.NoError(t, yaml.UnmarshalStrict(text, &run))
	require.Equal(t, 1, run.Version)
	require.Len(t, run.Apps, 2)
	for _, app := range run.Apps {
		if _, err := exec.LookPath(app.Command[0]); err != nil {
			t.Skipf("%s is not installed", app.Command[0])
		}
	}

	broker := harness.StartBroker(t, harness.BrokerOptions{})
	component := harness.StartComponent(t)
	file, err := os.ReadFile(filepath.Join(local, run.Common.ResourcesPath, "mqtt-pubsub.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(file), "tcp://localhost:1883")
	resources := harness.Resources(t, map[string]string{
		"pubsub.yaml": strings.Replace(string(file), "tcp://localhost:1883", broker.URL(), 1),
	})
	logs := map[string]*harness.Process{}
	mark := broker.Mark()
	for _, app := range run.Apps {
		port := harness.UnusedPort(t)
		options := harness.DaprdOptions{
			AppID: app.AppID, App: &harness.App{Port: port}, Component: component, Resources: resources,
		}
		d := harness.LaunchDaprd(t, options)
		logs[app.AppID] = harness.StartProgram(t, app.AppID, filepath.Join(local, app.AppDirPath),
			[]string{"APP_PORT=" + strconv.Itoa(port), "DAPR_HTTP_PORT=" + strconv.Itoa(d.HTTPPort)},
			app.Command...)
	}
	for _, topic := range []string{"alarms", "greetings", "sensors/+/temperature"} {
		broker.WaitSubscribed(t, topic, mark)
	}
	// Half of the temperatures are high.
	logs["watcher"].WaitFor(t, "sensors/kitchen/temperature: ", 0)
	logs["sensor"].WaitFor(t, `alarms: {"celsius": `, 0)
}
