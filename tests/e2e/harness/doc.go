// Package harness starts the real programs that the conformance and e2e tests
// talk to: mosquitto, the component and daprd, each in a process group of its
// own and ended by its own id with the test, its log shown when the test fails.
// Nothing here sleeps to let something happen: every wait is for an event, with
// Deadline as the bound.
package harness

import "time"

// Deadline is how long a test waits for an event before it fails. It bounds
// failing runs alone, so it is generous: machines that test share their cores.
const Deadline = 60 * time.Second
