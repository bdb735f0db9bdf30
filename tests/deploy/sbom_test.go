package deploy

import (
	"os"
	"path/filepath"
	"testing"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdxlib"
	"github.com/stretchr/testify/require"
)

func TestSBOM_names_what_the_program_links(t *testing.T) {
	build := filepath.Dir(filepath.Dir(os.Getenv("DAPR_PUBSUB_MQTT_BIN")))
	file, err := os.Open(filepath.Join(build, "dapr-pubsub-mqtt.spdx.json"))
	if os.IsNotExist(err) {
		t.Skip("the build made none: no dpkg here")
	}
	require.NoError(t, err)
	defer file.Close()
	document, err := spdxjson.Read(file)
	require.NoError(t, err)
	require.NoError(t, spdxlib.ValidateDocument(document))

	names := map[string]bool{}
	for _, p := range document.Packages {
		require.False(t, names[p.PackageName], "%s twice", p.PackageName)
		names[p.PackageName] = true
		require.NotEmpty(t, p.PackageVersion, p.PackageName)
	}
	for _, name := range []string{"dapr-pubsub-mqtt", "libc6", "libpaho-mqtt1.3", "libsqlite3-0", "libwslay1", "libspdlog-dev"} {
		require.True(t, names[name], name)
	}
	// One that describes, and one for each package that the program is made of.
	require.Len(t, document.Relationships, len(document.Packages))
}
