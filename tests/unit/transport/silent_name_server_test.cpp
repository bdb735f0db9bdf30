// A name server that does not answer: getaddrinfo blocks.
#include <gtest/gtest.h>

#include <netdb.h>

#include <atomic>
#include <chrono>
#include <semaphore>

#include "dapr_mqtt/transport/resolver.h"

namespace {

std::counting_semaphore<> asked(0);
std::counting_semaphore<> may_end(0);
std::counting_semaphore<> ended(0);

}  // namespace

/// Replaces the C library's function.
extern "C" int getaddrinfo(const char*, const char*, const addrinfo*, addrinfo**) {
  asked.release();
  may_end.acquire();
  ended.release();
  return EAI_AGAIN;
}

namespace dapr_mqtt::transport {
namespace {

TEST(SilentNameServer, does_not_hold_up_the_end_of_the_resolver_and_answers_nobody_afterwards) {
  std::atomic<int> answered{0};
  const auto begin = std::chrono::steady_clock::now();
  {
    Resolver resolver;
    resolver.resolve("broker.example", [&](const Resolver::Addresses&) { ++answered; });
    resolver.resolve("other.example", [&](const Resolver::Addresses&) { ++answered; });
    asked.acquire();
    asked.acquire();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  may_end.release(2);
  ended.acquire();
  ended.acquire();
  EXPECT_EQ(answered, 0);
}

}  // namespace
}  // namespace dapr_mqtt::transport
