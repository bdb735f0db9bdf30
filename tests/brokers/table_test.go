package brokers

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// row is what was seen of one broker.
type row struct {
	name, version string
	cells         map[feature]bool
	tls           bool // was tried
}

const (
	docs  = "../../docs/howto-brokers.md"
	begin = "<!-- brokers: made by tests/brokers -->\n"
	end   = "<!-- brokers: end -->\n"
)

// compareWithDocs fails when the broker's line in the docs' table says something else,
// or writes it with DAPR_MQTT_RENEW_GOLDEN=1. The version may be another one.
func compareWithDocs(t *testing.T, a *adapter, r row) {
	t.Helper()
	file, err := os.OpenFile(docs, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() // unlocks
	// Other brokers may write their lines.
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(content), begin)
	table, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no table between %q and %q", docs, begin, end)
	}
	rows, lacks := parse(table)
	if os.Getenv("DAPR_MQTT_RENEW_GOLDEN") == "1" {
		rows[r.name] = r.line()
		lacks[r.name] = a.lacking(r)
		if err := os.WriteFile(docs, []byte(before+begin+render(rows, lacks)+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, want := withoutVersion(rows[r.name]), withoutVersion(r.line()); got != want {
		t.Errorf("%s says\n%s\nbut it is\n%s\nDAPR_MQTT_RENEW_GOLDEN=1 writes it", docs, got, want)
	}
	if got, want := lacks[r.name], a.lacking(r); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s says of %s\n%s\nbut its adapter\n%s\nDAPR_MQTT_RENEW_GOLDEN=1 writes it", docs, r.name,
			strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (r row) line() string {
	cells := []string{r.name, r.version}
	for _, p := range promises {
		cell := "yes"
		if p.feature == encrypted && !r.tls {
			cell = "not tried"
		} else if !r.cells[p.feature] {
			cell = "–"
		}
		cells = append(cells, cell)
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

func withoutVersion(line string) string {
	cells := strings.Split(line, "|")
	if len(cells) > 2 {
		cells = slices.Delete(cells, 2, 3)
	}
	return strings.Join(cells, "|")
}

// lacking is the list below the table.
func (a *adapter) lacking(r row) []string {
	var out []string
	for _, p := range promises {
		if reason, is := a.lacks[p.feature]; is && !r.cells[p.feature] {
			out = append(out, fmt.Sprintf("  - %s: %s", p.feature, reason))
		}
	}
	return out
}

// parse reads what render wrote.
func parse(table string) (rows map[string]string, lacks map[string][]string) {
	rows, lacks = map[string]string{}, map[string][]string{}
	heads := 0
	name := ""
	for line := range strings.Lines(table) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "| ") && strings.HasSuffix(line, " |") && !strings.Contains(line, "---"):
			if heads++; heads > 1 {
				rows[strings.TrimSpace(strings.Split(line, "|")[1])] = line
			}
		case strings.HasPrefix(line, "- **"):
			name = strings.TrimSuffix(strings.TrimPrefix(line, "- **"), "**:")
		case strings.HasPrefix(line, "  - ") && name != "":
			lacks[name] = append(lacks[name], line)
		}
	}
	return rows, lacks
}

func render(rows map[string]string, lacks map[string][]string) string {
	var out strings.Builder
	out.WriteString("\n| broker | version |")
	for _, p := range promises {
		fmt.Fprintf(&out, " %s |", p.feature)
	}
	out.WriteString("\n|---|---|" + strings.Repeat(":-:|", len(promises)) + "\n")
	names := make([]string, 0, len(rows))
	for name := range rows {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	for _, name := range names {
		out.WriteString(rows[name] + "\n")
	}
	out.WriteString("\nWhat the columns mean:\n\n")
	for _, p := range promises {
		fmt.Fprintf(&out, "- **%s**: %s.\n", p.feature, p.meaning)
	}
	out.WriteString("\nWhat is not there:\n\n")
	for _, name := range names {
		if len(lacks[name]) > 0 {
			fmt.Fprintf(&out, "- **%s**:\n%s\n", name, strings.Join(lacks[name], "\n"))
		}
	}
	out.WriteString("\n")
	return out.String()
}
