package deploy

import (
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

func loadCompose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../../docker/compose.yaml"})
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context()) // against the schema of the Compose specification
	require.NoError(t, err)
	return project
}

// volume returns what is mounted at a path of a service.
func volume(service types.ServiceConfig, path string) types.ServiceVolumeConfig {
	for _, v := range service.Volumes {
		if v.Target == path {
			return v
		}
	}
	return types.ServiceVolumeConfig{}
}

func TestCompose_daprd_waits_for_the_component_and_shares_its_sockets(t *testing.T) {
	project := loadCompose(t)
	component, daprd := project.Services["component"], project.Services["daprd"]
	require.Equal(t, types.ServiceConditionHealthy, daprd.DependsOn["component"].Condition)
	require.Equal(t, "sockets", volume(component, socketsFolder).Source)
	require.Equal(t, "sockets", volume(daprd, socketsFolder).Source)
	require.DirExists(t, volume(daprd, "/resources").Source)
	app := project.Services["app"]
	require.FileExists(t, volume(app, "/app").Source+"/app.py")
	require.True(t, *app.Init, "Python as process 1 would be killed after ten seconds")
}

func TestCompose_daprd_is_started_again_after_a_restart_of_the_component(t *testing.T) {
	project := loadCompose(t)
	component, daprd := project.Services["component"], project.Services["daprd"]
	command := strings.Join(component.Command, " ")
	require.Contains(t, command, "--heal-daprd shutdown")
	require.Contains(t, command, "--daprd-address daprd:3500")
	require.Contains(t, daprd.Command, "--dapr-http-port=3500")
	require.Equal(t, "unless-stopped", component.Restart)
	require.Equal(t, "unless-stopped", daprd.Restart)
}

// What one side keeps without the other is of no use: `down` and `up` lose neither.
func TestCompose_broker_keeps_sessions_as_long_as_the_component_its_state(t *testing.T) {
	project := loadCompose(t)
	require.Equal(t, "broker", volume(project.Services["broker"], "/mosquitto/data").Source)
	require.Contains(t, project.Volumes, "broker")
	require.Contains(t, project.Configs["mosquitto"].Content, "persistence_location /mosquitto/data/")
}

func TestCompose_component_needs_no_rights_and_keeps_its_state(t *testing.T) {
	component := loadCompose(t).Services["component"]
	require.True(t, component.ReadOnly)
	require.Equal(t, []string{"ALL"}, component.CapDrop)
	require.Contains(t, component.SecurityOpt, "no-new-privileges:true")
	require.Equal(t, "state", volume(component, "/var/lib/dapr-pubsub-mqtt").Source)
	for _, port := range component.Ports {
		require.Equal(t, "127.0.0.1", port.HostIP)
	}
}
