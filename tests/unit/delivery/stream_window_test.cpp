#include "delivery/stream_window.h"

#include <gtest/gtest.h>

namespace dapr_mqtt::delivery {
namespace {

TEST(StreamWindow, is_full_at_its_number_of_messages) {
  StreamWindow window({.messages = 2, .bytes = 1000});
  EXPECT_TRUE(window.has_room());
  window.add(1);
  EXPECT_TRUE(window.has_room());
  window.add(1);
  EXPECT_FALSE(window.has_room());
  window.remove(1);
  EXPECT_TRUE(window.has_room());
}

TEST(StreamWindow, is_full_at_its_bytes) {
  StreamWindow window({.messages = 10, .bytes = 1000});
  window.add(999);
  EXPECT_TRUE(window.has_room());
  window.add(500);
  EXPECT_FALSE(window.has_room());
  window.remove(999);
  EXPECT_TRUE(window.has_room());
  EXPECT_EQ(window.held().bytes, 500U);
}

TEST(StreamWindow, has_room_for_one_message_whatever_the_limits) {
  StreamWindow window({.messages = 0, .bytes = 0});
  EXPECT_TRUE(window.has_room());
  window.add(1U << 28U);
  EXPECT_FALSE(window.has_room());
}

}  // namespace
}  // namespace dapr_mqtt::delivery
