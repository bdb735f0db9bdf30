#include "dapr_mqtt/base/encoding.h"

#include <gtest/gtest.h>

#include <string>

namespace dapr_mqtt::base {
namespace {

TEST(Base64, encodes_with_padding) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foo"), "Zm9v");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64("\xFB\xFF\xBF"), "+/+/");
}

TEST(Base64, decodes_all_that_it_encodes) {
  std::string bytes;
  for (int i = 0; i < 600; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    bytes += static_cast<char>(i * 37);
  }
}

TEST(Base64, decodes_nothing_else) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Zh==", "Zm9=", "Zm 9", "Zm9v\n",
                           "Z-9v", "Z=9v", "Zg==Zg=="}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

TEST(Hex, appends_the_last_digits) {
  std::string out = "\\x";
  append_hex(out, 0x0A, 2);
  append_hex(out, 0x12345, 4);
  append_hex(out, ~0ULL, 16);
  EXPECT_EQ(out, "\\x0a2345ffffffffffffffff");
}

// FNV's published values. They must not change: a folder on users' disks has such a name.
TEST(StableHash, is_the_same_for_ever) {
  EXPECT_EQ(stable_hash(""), "cbf29ce484222325");
  EXPECT_EQ(stable_hash("a"), "af63dc4c8601ec8c");
  EXPECT_EQ(stable_hash("foobar"), "85944171f73967e8");
}

}  // namespace
}  // namespace dapr_mqtt::base
