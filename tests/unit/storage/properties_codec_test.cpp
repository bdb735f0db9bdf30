#include "storage/properties_codec.h"

#include <gtest/gtest.h>

namespace dapr_mqtt::storage {
namespace {

core::MessageProperties full() {
  core::MessageProperties p;
  p.content_type = "text/plain";
  p.response_topic = "answers";
  p.correlation_data = std::string("\0\x01", 2);
  p.user_properties = {{"a", "1"}, {"a", ""}};
  p.expiry = std::chrono::seconds(4'294'967'295);
  return p;
}

TEST(PropertiesCodec, decode_gives_what_was_encoded) {
  for (const auto& p : {full(), core::MessageProperties{}}) {
    const auto back = decode_properties(encode_properties(p));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->content_type, p.content_type);
    EXPECT_EQ(back->response_topic, p.response_topic);
    EXPECT_EQ(back->correlation_data, p.correlation_data);
    EXPECT_EQ(back->user_properties, p.user_properties);
    EXPECT_EQ(back->expiry, p.expiry);
  }
}

TEST(PropertiesCodec, decode_refuses_what_is_cut_short) {
  core::MessageProperties p = full();
  p.user_properties.clear();
  const std::string bytes = encode_properties(p);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(decode_properties(std::string_view(bytes).substr(0, n))) << n;
  }
  EXPECT_FALSE(decode_properties(bytes + "x"));
}

}  // namespace
}  // namespace dapr_mqtt::storage
