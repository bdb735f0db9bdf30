#include "dapr_mqtt/mqtt/self_test.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "unit/mqtt/paho_client_fixture.h"

namespace dapr_mqtt::mqtt {
namespace {

void expect_ok() {
  const base::Status status = self_test();
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST(SelfTest, Is_content_with_this_program_each_time) {
  for (int i = 0; i < 20; ++i) expect_ok();
}

TEST(SelfTest, Runs_on_several_threads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(expect_ok);
  for (std::thread& thread : threads) thread.join();
}

TEST_F(PahoClientTest, Is_not_disturbed_by_the_self_test_nor_does_it_disturb_it) {
  connect();
  ASSERT_TRUE(publish("a").ok());
  const bytes::ClientPacket open = next_packet(3);
  expect_ok();
  script_->comes(bytes::puback(open.id));
  EXPECT_TRUE(published_.next()->ok());
  EXPECT_EQ(lost_.size(), 0U);
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
