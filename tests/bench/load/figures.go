package main

import (
	"slices"
	"time"
)

// quantiles sorts the durations; "p50", "p99" and "max" are in milliseconds. None: no figures.
func quantiles(took []time.Duration) answer {
	if len(took) == 0 {
		return answer{}
	}
	slices.Sort(took)
	at := func(share float64) float64 {
		last := float64(len(took) - 1)
		return float64(took[int(share*last)]) / float64(time.Millisecond)
	}
	return answer{"p50": at(0.5), "p99": at(0.99), "max": at(1)}
}
