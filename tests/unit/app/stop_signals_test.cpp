#include "app/stop_signals.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dapr_mqtt::app {
namespace {

/// Runs `body` in a process of its own, since signals are for the whole process.
int exit_code_of(int (*body)()) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(StopSignals, returns_the_first_signal_even_when_it_came_before_the_question) {
  EXPECT_EQ(exit_code_of([] {
              StopSignals signals;
              ::raise(SIGINT);
              return signals.wait();
            }),
            SIGINT);
}

TEST(StopSignals, ends_the_process_with_128_and_its_number_at_the_second_signal) {
  EXPECT_EQ(exit_code_of([] {
              StopSignals signals;
              ::raise(SIGINT);
              signals.wait();
              ::raise(SIGTERM);
              return 1;
            }),
            128 + SIGTERM);
}

TEST(StopSignals, outlives_a_broken_pipe) {
  EXPECT_EQ(exit_code_of([] {
              const StopSignals signals;
              ::raise(SIGPIPE);
              return 7;
            }),
            7);
}

}  // namespace
}  // namespace dapr_mqtt::app
