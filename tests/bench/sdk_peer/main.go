// Command sdk_peer serves Dapr's built-in mqtt3 as a pluggable component by Dapr's
// own Go SDK for such components: the peer that ours is measured beside.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	sdk "github.com/dapr-sandbox/components-go-sdk"
	"github.com/dapr-sandbox/components-go-sdk/pubsub/v1"

	mqtt "github.com/dapr/components-contrib/pubsub/mqtt3"
	"github.com/dapr/kit/logger"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sdk_peer <folder>/<name>.sock")
		os.Exit(2)
	}
	folder, file := filepath.Split(os.Args[1])
	if err := os.Setenv("DAPR_COMPONENT_SOCKETS_FOLDER", folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	sdk.Register(strings.TrimSuffix(file, ".sock"), sdk.WithPubSub(func() pubsub.PubSub {
		return mqtt.NewMQTTPubSub(logger.NewLogger("peer"))
	}))
	fmt.Println("serving")
	sdk.MustRun()
}
