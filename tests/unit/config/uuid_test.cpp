#include "config/uuid.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace dapr_mqtt::config {
namespace {

TEST(RandomUuid, Is_of_version_4_and_never_the_same) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto uuid = random_uuid();
    ASSERT_TRUE(uuid.has_value());
    ASSERT_EQ(uuid->size(), 36U);
    EXPECT_EQ((*uuid)[14], '4');
    EXPECT_NE(std::string("89ab").find((*uuid)[19]), std::string::npos);
    EXPECT_TRUE(seen.insert(*uuid).second);
  }
}

}  // namespace
}  // namespace dapr_mqtt::config
