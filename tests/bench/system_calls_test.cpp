#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

#include "system_calls.h"

namespace dapr_mqtt::bench {
namespace {

constexpr int kCalls = 1000;
constexpr int kOthers = 500;  // what starting and joining a thread may take

void call() {
  for (int i = 0; i < kCalls; ++i) ::syscall(SYS_getppid);
}

TEST(SystemCalls, Are_counted_in_threads_that_are_there_and_in_later_ones) {
  if (const auto reason = SystemCalls::why_unavailable()) GTEST_SKIP() << *reason;
  const SystemCalls calls(::getpid());
  call();
  const long after_one = calls.so_far();
  EXPECT_GE(after_one, kCalls);
  EXPECT_LT(after_one, kCalls + kOthers);
  std::thread(call).join();
  EXPECT_GE(calls.so_far(), after_one + kCalls);
  EXPECT_LT(calls.so_far(), after_one + kCalls + kOthers);
}

TEST(SystemCalls, Of_no_process_are_an_error) { EXPECT_THROW(SystemCalls(-1), std::runtime_error); }

}  // namespace
}  // namespace dapr_mqtt::bench
