#include "dapr_mqtt/transport/resolver.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>

namespace dapr_mqtt::transport {
namespace {

Resolver::Addresses resolve(Resolver& resolver, const std::string& host) {
  auto promise = std::make_shared<std::promise<Resolver::Addresses>>();
  auto future = promise->get_future();
  resolver.resolve(host,
                   [promise](const Resolver::Addresses& found) { promise->set_value(found); });
  return future.get();
}

TEST(Resolver, Localhost_has_a_loopback_address) {
  Resolver resolver;
  const auto found = resolve(resolver, "localhost");
  ASSERT_TRUE(found.ok());
  ASSERT_FALSE(found.value().empty());
  for (const auto& address : found.value()) EXPECT_TRUE(is_numeric_address(address)) << address;
}

TEST(Resolver, Unknown_name_is_unavailable_and_named) {
  Resolver resolver;
  const auto found = resolve(resolver, "no-such-host.invalid");
  EXPECT_EQ(found.status().kind(), base::ErrorKind::kUnavailable);
  EXPECT_NE(found.status().message().find("\"no-such-host.invalid\""), std::string::npos);
}

TEST(Resolver, Every_asker_is_answered_when_many_ask_for_one_name) {
  Resolver resolver;
  std::vector<std::future<void>> answers;
  for (int i = 0; i < 20; ++i) {
    auto promise = std::make_shared<std::promise<void>>();
    answers.push_back(promise->get_future());
    resolver.resolve("localhost", [promise](const Resolver::Addresses&) { promise->set_value(); });
  }
  for (auto& answer : answers) answer.get();
}

TEST(Resolver, Destructor_waits_for_what_runs_and_answers_nobody_afterwards) {
  int answered = 0;
  {
    Resolver resolver;
    resolver.cancel(
        resolver.resolve("no-such-host.invalid", [&](const Resolver::Addresses&) { ++answered; }));
  }
  EXPECT_LE(answered, 1);
}

TEST(Resolver, Addresses_in_figures_are_told_from_names) {
  EXPECT_TRUE(is_numeric_address("127.0.0.1"));
  EXPECT_TRUE(is_numeric_address("::1"));
  EXPECT_FALSE(is_numeric_address("localhost"));
  EXPECT_FALSE(is_numeric_address("[::1]"));
  EXPECT_FALSE(is_numeric_address("1.2.3"));
}

}  // namespace
}  // namespace dapr_mqtt::transport
