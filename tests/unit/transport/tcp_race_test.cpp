#include "transport/tcp_race.h"

#include <gmock/gmock.h>

#include "loopback.h"
#include "transport/address_order.h"

namespace dapr_mqtt::transport {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Listener;
using testing::soon;
using Addresses = std::vector<std::string>;

/// A port of 127.0.0.1 on which nothing listens any more.
std::uint16_t closed_port() { return Listener().port(); }

TEST(AddressOrder, Families_alternate_beginning_with_the_first) {
  EXPECT_THAT(alternate_families({"::1", "::2", "::3", "10.0.0.1"}),
              ElementsAre("::1", "10.0.0.1", "::2", "::3"));
  EXPECT_THAT(alternate_families({"10.0.0.1", "::1", "10.0.0.2"}),
              ElementsAre("10.0.0.1", "::1", "10.0.0.2"));
  EXPECT_THAT(alternate_families({}), IsEmpty());
}

TEST(TcpRace, First_address_wins_when_it_answers) {
  Listener listener;
  Cancel cancel;
  Addresses addresses{"127.0.0.1", "127.0.0.2"};
  const auto result = race_to_connect(addresses, listener.port(), soon(), cancel);
  EXPECT_TRUE(result.socket.valid());
  EXPECT_EQ(result.winner, "127.0.0.1");
  EXPECT_THAT(addresses, ElementsAre("127.0.0.2"));
}

TEST(TcpRace, Refused_address_gives_way_at_once) {
  Listener listener("127.0.0.2");
  Cancel cancel;
  Addresses addresses{"127.0.0.1", "127.0.0.2"};
  // With this delay the second attempt would never start.
  const auto result =
      race_to_connect(addresses, listener.port(), soon(), cancel, std::chrono::hours(1));
  EXPECT_EQ(result.winner, "127.0.0.2");
  ASSERT_EQ(result.failures.size(), 1U);
  EXPECT_EQ(result.failures[0].error, ECONNREFUSED);
  EXPECT_THAT(addresses, IsEmpty());
}

TEST(TcpRace, Silent_address_holds_nobody_up_and_may_be_tried_again) {
  Listener silent("127.0.0.2", 0, 0);
  silent.fall_silent();
  Listener good("127.0.0.3", silent.port());
  Cancel cancel;
  Addresses addresses{"127.0.0.2", "127.0.0.3"};
  const auto result = race_to_connect(addresses, good.port(), soon(), cancel);
  EXPECT_EQ(result.winner, "127.0.0.3");
  EXPECT_THAT(addresses, ElementsAre("127.0.0.2"));
}

TEST(TcpRace, Deadline_ends_an_address_that_does_not_answer) {
  Listener silent("127.0.0.2", 0, 0);
  silent.fall_silent();
  Cancel cancel;
  Addresses addresses{"127.0.0.2"};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  const auto result = race_to_connect(addresses, silent.port(), deadline, cancel);
  EXPECT_FALSE(result.socket.valid());
  ASSERT_EQ(result.failures.size(), 1U);
  EXPECT_EQ(result.failures[0].error, ETIMEDOUT);
  EXPECT_THAT(in_short(result.failures, 1).message(), HasSubstr("timed out: no TCP connection"));
}

TEST(TcpRace, Cancel_ends_the_wait_from_another_thread) {
  Listener silent("127.0.0.2", 0, 0);
  silent.fall_silent();
  Cancel cancel;
  std::thread other([&] { cancel.set(); });
  Addresses addresses{"127.0.0.2"};
  const auto result = race_to_connect(addresses, silent.port(), soon(), cancel);
  other.join();
  EXPECT_TRUE(result.cancelled);
  EXPECT_FALSE(result.socket.valid());
}

TEST(TcpRace, Failures_name_each_address_or_what_is_common) {
  const std::uint16_t port = closed_port();
  Cancel cancel;
  Addresses addresses{"127.0.0.1", "127.0.0.2"};
  auto failures = race_to_connect(addresses, port, soon(), cancel).failures;
  ASSERT_EQ(failures.size(), 2U);
  EXPECT_EQ(in_short(failures, port).message(), "connection refused (nothing listens there)");
  failures[0] = {"::1", ENETUNREACH};
  const std::string where = " port " + std::to_string(port) + ": ";
  EXPECT_EQ(in_short(failures, port).message(), "::1" + where + "no route to the host; 127.0.0.2" +
                                                    where +
                                                    "connection refused (nothing listens there)");
}

}  // namespace
}  // namespace dapr_mqtt::transport
