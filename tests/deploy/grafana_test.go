package deploy

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/stretchr/testify/require"
)

var grouped = regexp.MustCompile(`by \(([a-z_, ]+)\)`)

func TestGrafana_dashboard_is_what_Grafana_takes(t *testing.T) {
	text, err := os.ReadFile("../../deploy/grafana/dapr-pubsub-mqtt.json")
	require.NoError(t, err)
	plugins.RegisterDefaultPlugins()
	// Strictly, for its errors alone: rows give an empty list of them, which is
	// none, and are left out of what it decodes.
	var strict dashboard.Dashboard
	if err := strict.UnmarshalJSONStrict(text); err != nil {
		require.Empty(t, err.Error())
	}
	var board dashboard.Dashboard
	require.NoError(t, json.Unmarshal(text, &board))
	require.NoError(t, board.Validate())

	ids := map[uint32]bool{}
	place := map[[2]uint32]string{}
	for _, item := range board.Panels {
		panel := item.Panel
		if item.RowPanel != nil {
			require.False(t, ids[item.RowPanel.Id])
			ids[item.RowPanel.Id] = true
			continue
		}
		require.False(t, ids[*panel.Id], "two panels have the id %d", *panel.Id)
		ids[*panel.Id] = true
		require.NotEmpty(t, *panel.Description, *panel.Title)
		require.NotEmpty(t, panel.Targets, *panel.Title)
		for _, target := range panel.Targets {
			query, ok := target.(*prometheus.Dataquery)
			require.True(t, ok, "%T", target)
			require.True(t, strings.Contains(query.Expr, "dapr_mqtt_"), query.Expr)
			// Both sides have the same labels here, and so the right one never counts.
			require.NotContains(t, query.Expr, " or ")
			// Lines that differ in a label must differ in their names.
			if by := grouped.FindStringSubmatch(query.Expr); by != nil && by[1] != "le" {
				for _, label := range strings.Split(by[1], ", ") {
					require.Contains(t, *query.LegendFormat, "{{"+label+"}}", query.Expr)
				}
			}
		}
		for x := panel.GridPos.X; x < panel.GridPos.X+panel.GridPos.W; x++ {
			for y := panel.GridPos.Y; y < panel.GridPos.Y+panel.GridPos.H; y++ {
				require.Empty(t, place[[2]uint32{x, y}], "%s lies on another panel", *panel.Title)
				place[[2]uint32{x, y}] = *panel.Title
			}
		}
	}
}
