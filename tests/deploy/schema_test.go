package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

const project = "../.."

// editor validates as an editor does, with `generate schema`.
func editor(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := exec.Command(os.Getenv("DAPR_PUBSUB_MQTT_BIN"), "generate", "schema").Output()
	require.NoError(t, err)
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	// Compiling checks it against its own metaschema, draft 7.
	require.NoError(t, compiler.AddResource("component.json", schema))
	compiled, err := compiler.Compile("component.json")
	require.NoError(t, err)
	return compiled
}

// ours are the documents of a YAML text that are Components of type pubsub.mqtt.
func ours(t *testing.T, text string) []any {
	t.Helper()
	var found []any
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var document any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err, text)
		resource, _ := document.(map[string]any)
		spec, _ := resource["spec"].(map[string]any)
		if resource["kind"] == "Component" && spec["type"] == "pubsub.mqtt" {
			found = append(found, document)
		}
	}
}

// finding is a remark of `validate`.
type finding struct{ File, Severity, Key string }

// findings gives what `validate` finds, by file.
func findings(t *testing.T, files []string) map[string][]finding {
	t.Helper()
	command := exec.Command(os.Getenv("DAPR_PUBSUB_MQTT_BIN"),
		append([]string{"validate", "--json"}, files...)...)
	output, err := command.Output()
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 1, exit.ExitCode(), "%s", exit.Stderr)
	}
	var report struct {
		Components int
		Findings   []finding
	}
	require.NoError(t, json.Unmarshal(output, &report))
	require.Equal(t, len(files), report.Components)
	found := map[string][]finding{}
	for _, one := range report.Findings {
		found[one.File] = append(found[one.File], one)
	}
	return found
}

func hasErrors(all []finding) bool {
	return slices.ContainsFunc(all, func(one finding) bool { return one.Severity == "error" })
}

var componentBlock = regexp.MustCompile(`(?m)^( *)apiVersion: dapr\.io/v1alpha1$`)

// shown are the texts of Components in a page, in fences or indented.
func shown(page string) []string {
	var found []string
	for _, at := range componentBlock.FindAllStringSubmatchIndex(page, -1) {
		indent := page[at[2]:at[3]]
		var text strings.Builder
		for _, line := range strings.SplitAfter(page[at[0]:], "\n") {
			rest := strings.TrimPrefix(line, indent)
			ended := slices.ContainsFunc([]string{"```", "---", "END"},
				func(end string) bool { return strings.HasPrefix(rest, end) })
			if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, indent) || ended {
				break
			}
			text.WriteString(strings.TrimPrefix(line, indent))
		}
		found = append(found, text.String())
	}
	return found
}

// examples are all Components that users are shown, by where they stand.
func examples(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	add := func(path string) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for i, component := range shown(string(text)) {
			found[fmt.Sprintf("%s#%d", path, i)] = component
		}
	}
	for _, pattern := range []string{"*.md", "docs/*.md",
		"tests/integration/golden/good.yaml", "tests/integration/golden/warning.yaml"} {
		paths, err := filepath.Glob(filepath.Join(project, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, paths, pattern)
		for _, path := range paths {
			add(path)
		}
	}
	for _, folder := range []string{"deploy", "docker"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(project, folder),
			func(path string, entry fs.DirEntry, err error) error {
				if err == nil && (strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".md")) {
					add(path)
				}
				return err
			}))
	}
	return found
}

func TestSchema_passes_every_Component_that_users_are_shown(t *testing.T) {
	schema := editor(t)
	folder := t.TempDir()
	var files []string
	where := map[string]string{}
	for place, text := range examples(t) {
		for _, component := range ours(t, text) {
			require.NoError(t, schema.Validate(component), "%s\n%s", place, text)
			file := filepath.Join(folder, fmt.Sprintf("%d.yaml", len(files)))
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			files = append(files, file)
			where[file] = place
		}
	}
	require.Greater(t, len(files), 15)
	for file, found := range findings(t, files) {
		require.False(t, hasErrors(found), "%s: %v", where[file], found)
	}
}

// right is a Component that is varied by the tests below.
const right = `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: c
spec:
  type: pubsub.mqtt
  version: v1
  metadata:
  - name: url
    value: tcp://localhost:1883
`

// Where daprd passes over what is wrong, validate warns; an editor knows errors alone.
func TestSchema_fails_what_validate_remarks_on(t *testing.T) {
	schema := editor(t)
	const version, first = "  version: v1", "  metadata:\n  -"
	const url, value = "  - name: url\n", "    value: tcp://localhost:1883"
	item := func(name, value string) string {
		return "  metadata:\n  - name: " + name + "\n    value: " + value + "\n  -"
	}
	wrong := map[string][2]string{ // old and new text
		"apiVersion is another":      {"v1alpha1", "v1"},
		"apiVersion is missing":      {"apiVersion: dapr.io/v1alpha1\n", ""},
		"name is missing":            {"metadata:\n  name: c\n", "metadata: {}\n"},
		"metadata is missing":        {"metadata:\n  name: c\n", ""},
		"name is a list":             {"name: c", "name: [c]"},
		"version is missing":         {version + "\n", ""},
		"version is another":         {version, "  version: v2"},
		"spec has an unknown key":    {version, "  vesrion: v1\n" + version},
		"spec.metadata is a map":     {url + value, "    url: tcp://localhost:1883"},
		"item without a name":        {"- name: url\n    value", "- value"},
		"item with an unknown key":   {value, "    vlaue: x\n" + value},
		"item without a value":       {value + "\n", ""},
		"value is a list":            {value, "    value: [tcp://localhost:1883]"},
		"value is a map":             {value, "    value: {tcp: localhost}"},
		"value and secret":           {value, "    secretKeyRef: {name: s, key: k}\n" + value},
		"value and environment":      {value, "    envRef: URL\n" + value},
		"secret without a name":      {value, "    secretKeyRef: {key: k}"},
		"secret with an unknown key": {value, "    secretKeyRef: {name: s, kye: k}"},
		"scopes is a text":           {"spec:", "scopes: a\nspec:"},
		"ignoreErrors is a text":     {version, version + "\n  ignoreErrors: often"},
		"auth is a text":             {"spec:", "auth: vault\nspec:"},
		"qos is 3":                   {first, item("qos", "3")},
		"QoS is a word":              {first, item("QOS", "once")},
		"retain is neither":          {first, item("retain", "maybe")},
		"protocolVersion is 4":       {first, item("protocolVersion", "4")},
		"inboxMaxMessages is a word": {first, item("inboxMaxMessages", "many")},
		"connectTimeout has no unit": {first, item("connectTimeout", "4 parsecs")},
		"inboxSync is unknown":       {first, item("inboxSync", "never")},
		"concurrencyMode is unknown": {first, item("concurrencyMode", "serial")},
	}
	file := filepath.Join(t.TempDir(), "c.yaml")
	for what, change := range wrong {
		t.Run(what, func(t *testing.T) {
			text := strings.Replace(right, change[0], change[1], 1)
			require.NotEqual(t, right, text)
			var component any
			require.NoError(t, yaml.Unmarshal([]byte(right), &component))
			require.NoError(t, schema.Validate(component))
			require.NoError(t, yaml.Unmarshal([]byte(text), &component))
			require.Error(t, schema.Validate(component), text)
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			require.NotEmpty(t, findings(t, []string{file})[file], text)
		})
	}
}

// What validate says nothing about, no editor shall mark as wrong, whatever the key.
func TestSchema_passes_each_value_that_validate_has_no_word_for(t *testing.T) {
	schema := editor(t)
	values := []string{`""`, `" "`, `true`, `"true"`, `"TRUE"`, `"True"`, `false`, `"yes"`, `"y"`, `"on"`,
		`"off"`, `"no"`, `0`, `1`, `2`, `"0"`, `"1"`, `" 1 "`, `3`, `5`, `"5"`, `"3.1.1"`, `3.1`, `-1`, `"-1"`,
		`+1`, `"+1"`, `100`, `65536`, `"30s"`, `"1h30m"`, `"1.5s"`, `"500ms"`, `"10us"`, `"10µs"`, `".5s"`,
		`"5."`, `"1e3"`, `1e3`, `0x10`, `"0x10"`, `010`, `"single"`, `"parallel"`, `"Single"`, `"normal"`,
		`"full"`, `"FULL"`, `"text"`, `"5 "`, `1.0`, `1_000`, `~`, `"30S"`, `"1 s"`, `"ä"`}
	fields, err := exec.Command(os.Getenv("DAPR_PUBSUB_MQTT_BIN"), "generate", "fields").Output()
	require.NoError(t, err)
	keys := regexp.MustCompile("(?m)^\\| `([A-Za-z]+)`").FindAllStringSubmatch(string(fields), -1)
	require.Greater(t, len(keys), 25)

	folder := t.TempDir()
	var files []string
	refused := map[string]string{} // by the schema, with the reason
	for _, key := range keys {
		for _, name := range []string{key[1], strings.ToUpper(key[1])} {
			for _, value := range values {
				text := right + "  - name: " + name + "\n    value: " + value + "\n"
				if key[1] == "url" {
					text = strings.Replace(right, "tcp://localhost:1883", value, 1)
				}
				var component any
				require.NoError(t, yaml.Unmarshal([]byte(text), &component))
				file := filepath.Join(folder, fmt.Sprintf("%d.yaml", len(files)))
				files = append(files, file)
				require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
				if err := schema.Validate(component); err != nil {
					refused[file] = name + ": " + value + "\n" + err.Error()
				}
			}
		}
	}
	require.NotEmpty(t, refused)
	found := findings(t, files)
	for file, reason := range refused {
		name, _, _ := strings.Cut(reason, ":")
		about := func(one finding) bool { return strings.EqualFold(one.Key, name) }
		if !slices.ContainsFunc(found[file], about) {
			t.Errorf("validate passes, the schema does not: %s", reason)
		}
	}
}
