#pragma once

#include <csignal>

namespace dapr_mqtt::app {

/// Lets the main thread wait for SIGTERM and SIGINT. The first signal asks for an
/// orderly stop; a second ends the process at once with 128 + its number (also
/// as process 1 of a container, where signals have no default effect).
///
/// To be made before any other thread, on the main thread: threads inherit the
/// blocked signals, so that only wait() gets them. One for each process.
class StopSignals {
 public:
  /// Blocks both signals and ignores SIGPIPE, which a broken connection raises
  /// inside libraries.
  StopSignals();

  /// Blocks until the first signal and returns its number. From then on the
  /// second one ends the process.
  int wait();

 private:
  sigset_t signals_{};
};

}  // namespace dapr_mqtt::app
