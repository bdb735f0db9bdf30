package harness

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// Publish5 publishes with MQTT 5 and qos 1, by mosquitto_pub; properties are its
// -D options without "-D publish": {"user-property", "colour", "red"}.
func (b *Broker) Publish5(t testing.TB, topic, payload string, properties ...[]string) {
	t.Helper()
	args := []string{"-h", "127.0.0.1", "-p", fmt.Sprint(b.Port), "-V", "mqttv5", "-q", "1", "-t", topic, "-s"}
	if payload == "" {
		args[len(args)-1] = "-n"
	}
	for _, property := range properties {
		args = append(append(args, "-D", "publish"), property...)
	}
	command := exec.Command("mosquitto_pub", args...)
	command.Stdin = strings.NewReader(payload)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_pub: %v\n%s", err, out)
	}
}

// Listen5 subscribes with MQTT 5, by mosquitto_sub: a line of its log for each
// message, by format.
func (b *Broker) Listen5(t testing.TB, filter, format string) *Process {
	t.Helper()
	path, err := exec.LookPath("mosquitto_sub")
	if err != nil {
		t.Fatal(err)
	}
	mark := b.Mark()
	p := launch(t, "mosquitto_sub", nil, path, "-h", "127.0.0.1", "-p", fmt.Sprint(b.Port), "-V", "mqttv5",
		"-q", "1", "-t", filter, "-F", format)
	b.WaitSubscribed(t, filter, mark)
	return p
}
