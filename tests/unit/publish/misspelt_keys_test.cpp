#include "dapr_mqtt/publish/misspelt_keys.h"

#include <gmock/gmock.h>

#include <string>

namespace dapr_mqtt::publish {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
constexpr auto k311 = core::ProtocolVersion::kMqtt311;
constexpr auto k5 = core::ProtocolVersion::kMqtt5;

TEST(MisspeltKeys, Are_reported_once_with_the_key_that_was_meant) {
  MisspeltKeys keys(k311);
  EXPECT_THAT(keys.report({"retian"}),
              ElementsAre(AllOf(HasSubstr("\"retian\""), HasSubstr("did you mean retain?"))));
  EXPECT_THAT(keys.report({"retian"}), IsEmpty());
  EXPECT_THAT(keys.report({"retian", "quos"}), ElementsAre(HasSubstr("did you mean qos?")));
}

TEST(MisspeltKeys, Are_not_what_an_app_calls_its_own) {
  MisspeltKeys keys(k5);
  EXPECT_THAT(keys.report({"partitionKey", "traceparent", "tenant", "cloudevent.source", ""}),
              IsEmpty());
}

TEST(MisspeltKeys, Suggest_a_key_of_mqtt_5_with_mqtt_5_only) {
  EXPECT_THAT(MisspeltKeys(k5).report({"ttlInSecond"}),
              ElementsAre(HasSubstr("did you mean ttlInSeconds?")));
  EXPECT_THAT(MisspeltKeys(k311).report({"ttlInSecond"}), IsEmpty());
}

TEST(MisspeltKeys, Of_an_app_that_makes_them_up_fill_neither_log_nor_memory) {
  MisspeltKeys keys(k311);
  std::size_t lines = 0;
  for (int i = 0; i < 10'000; ++i) {
    lines += keys.report({"retain" + std::to_string(i % 10) + std::to_string(i)}).size();
  }
  EXPECT_LE(lines, MisspeltKeys::kMaxKeys);
  EXPECT_THAT(keys.report({"retian"}), IsEmpty());
  EXPECT_THAT(keys.report({std::string(100'000, 'q')}), IsEmpty());
}

}  // namespace
}  // namespace dapr_mqtt::publish
