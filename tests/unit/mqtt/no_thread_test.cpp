// A client or a consumer whose thread cannot be started.
#include <system_error>

#include "dapr_mqtt/mqtt/paho_client_factory.h"
#include "support/captured_log.h"
#include "support/threads_stand_in.h"
#include "unit/mqtt/paho_client_fixture.h"

namespace dapr_mqtt::mqtt {
namespace {

class NoSink final : public core::MessageSink {
 public:
  bool on_message(core::IncomingMessage /*message*/) noexcept override { return true; }
  void commit_received() noexcept override {}
};

class NoListener final : public core::ConnectionListener {
  void on_connected(const core::SessionFound& /*session*/) override {}
  void on_disconnected(const base::Status& /*cause*/, core::ConnectionEnd /*end*/) override {}
};

TEST(ConsumerWithoutThreads, Is_not_made_and_harms_no_later_one) {
  testing::CapturedLog log;
  NoListener listener;
  NoSink sink;
  const auto factory = make_paho_client_factory();
  const auto make = [&] {
    return factory->make_consumer({}, listener, sink, nullptr, base::Log(log, "orders"));
  };
  testing::has_threads = false;
  EXPECT_THROW(make(), std::system_error);
  testing::has_threads = true;
  EXPECT_NE(make(), nullptr);
}

TEST_F(PahoClientTest, Is_not_made_where_the_system_has_no_thread_to_receive) {
  NoSink sink;
  testing::has_threads = false;
  const auto made = make(&sink);
  testing::has_threads = true;
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.status().kind(), base::ErrorKind::kUnavailable);
  EXPECT_NE(made.status().message().find("cannot start the receiving thread"), std::string::npos)
      << made.status().message();
  connect(&sink);
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
