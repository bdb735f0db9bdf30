#include "app/stop_signals.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>

namespace dapr_mqtt::app {
namespace {

constexpr int kSignals[] = {SIGTERM, SIGINT};

/// Does only what is allowed in a signal handler.
extern "C" void end_at_once(int signal) { ::_exit(128 + signal); }

}  // namespace

StopSignals::StopSignals() {
  ::signal(SIGPIPE, SIG_IGN);
  ::sigemptyset(&signals_);
  for (const int signal : kSignals) ::sigaddset(&signals_, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

int StopSignals::wait() {
  int received = 0;
  while (::sigwait(&signals_, &received) == EINTR) {
  }
  struct sigaction action {};
  action.sa_handler = end_at_once;
  for (const int signal : kSignals) ::sigaction(signal, &action, nullptr);
  ::pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
  return received;
}

}  // namespace dapr_mqtt::app
