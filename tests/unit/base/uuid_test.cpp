#include "dapr_mqtt/base/uuid.h"

#include <gtest/gtest.h>

#include <string>

namespace dapr_mqtt::base {
namespace {

TEST(ContainsUuid, Finds_one_anywhere_and_nothing_else) {
  const std::string uuid = "0f8fad5b-d9cb-469f-A165-70867728950e";
  EXPECT_TRUE(contains_uuid(uuid));
  EXPECT_TRUE(contains_uuid("myapp-" + uuid + "-x"));
  EXPECT_TRUE(contains_uuid("1" + uuid));
  EXPECT_FALSE(contains_uuid(""));
  EXPECT_FALSE(contains_uuid("orders-0"));
  EXPECT_FALSE(contains_uuid(uuid.substr(1)));
  EXPECT_FALSE(contains_uuid("g" + uuid.substr(1)));
}

}  // namespace
}  // namespace dapr_mqtt::base
