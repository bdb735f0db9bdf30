// A look-up for which no thread can be started.
#include <gtest/gtest.h>

#include <semaphore>
#include <string>

#include "dapr_mqtt/transport/resolver.h"
#include "support/threads_stand_in.h"

namespace dapr_mqtt::transport {
namespace {

TEST(ResolverWithoutThreads, Answers_at_once_and_looks_up_again_when_there_are_some) {
  Resolver resolver;
  std::string answer;
  testing::has_threads = false;
  resolver.resolve("localhost", [&](const Resolver::Addresses& found) {
    EXPECT_EQ(found.status().kind(), base::ErrorKind::kUnavailable);
    answer = found.status().message();
  });
  testing::has_threads = true;
  EXPECT_NE(answer.find("cannot start a thread"), std::string::npos) << answer;
  std::binary_semaphore answered(0);
  resolver.resolve("localhost", [&](const Resolver::Addresses&) { answered.release(); });
  EXPECT_TRUE(answered.try_acquire_for(std::chrono::seconds(30)));
}

}  // namespace
}  // namespace dapr_mqtt::transport
