package brokers

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// attempt is a testing.TB whose failure is a result instead of the end: a broker may
// lack what is tried.
type attempt struct {
	testing.TB
	mutex    sync.Mutex
	first    string // the first failure
	log      strings.Builder
	failed   bool
	cleanups []func()
}

// try runs do and its cleanups. It returns the first failure, empty if there was none,
// and everything that was logged.
func try(t testing.TB, do func(t testing.TB)) (failure, log string) {
	a := &attempt{TB: t}
	done := make(chan struct{})
	go func() { // FailNow ends the goroutine
		defer close(done)
		defer a.cleanUp()
		do(a)
	}()
	<-done
	return a.first, a.log.String()
}

func (a *attempt) cleanUp() {
	for len(a.cleanups) > 0 {
		last := len(a.cleanups) - 1
		cleanup := a.cleanups[last]
		a.cleanups = a.cleanups[:last]
		func() {
			done := make(chan struct{})
			go func() { // a cleanup may fail, too
				defer close(done)
				cleanup()
			}()
			<-done
		}()
	}
}

func (a *attempt) note(text string, isFailure bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	fmt.Fprintln(&a.log, text)
	if isFailure && !a.failed {
		a.failed, a.first = true, text
	}
}

func (a *attempt) Helper()                           {}
func (a *attempt) Cleanup(do func())                 { a.cleanups = append(a.cleanups, do) }
func (a *attempt) Log(args ...any)                   { a.note(fmt.Sprint(args...), false) }
func (a *attempt) Logf(format string, args ...any)   { a.note(fmt.Sprintf(format, args...), false) }
func (a *attempt) Error(args ...any)                 { a.note(fmt.Sprint(args...), true) }
func (a *attempt) Errorf(format string, args ...any) { a.note(fmt.Sprintf(format, args...), true) }
func (a *attempt) Fail()                             { a.note("failed", true) }

func (a *attempt) Fatal(args ...any) {
	a.Error(args...)
	runtime.Goexit()
}

func (a *attempt) Fatalf(format string, args ...any) {
	a.Errorf(format, args...)
	runtime.Goexit()
}

func (a *attempt) FailNow() {
	a.Fail()
	runtime.Goexit()
}

func (a *attempt) Failed() bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.failed
}
