// What the tests of this room share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "dapr_mqtt/config/component_settings.h"

namespace dapr_mqtt::config {

/// The minimal metadata that Init accepts, with `more` added; its keys replace existing ones.
inline core::Metadata metadata(const core::Metadata& more = {}) {
  core::Metadata out = {{"url", "tcp://broker"}, {"consumerID", "app"}};
  for (const auto& [key, value] : more) out[key] = value;
  return out;
}

/// The same for a broker with TLS.
inline core::Metadata tls(const core::Metadata& more) {
  core::Metadata out = metadata({{"url", "ssl://broker"}});
  for (const auto& [key, value] : more) out[key] = value;
  return out;
}

/// The settings; fails the test when there are none.
inline ComponentSettings settings_of(const core::Metadata& given) {
  auto result = parse_component_metadata(given);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? std::move(result).value() : ComponentSettings();
}

/// The text of the error; fails the test when it is none, or of another kind.
inline std::string problem_of(const core::Metadata& given) {
  const base::Status status = parse_component_metadata(given).status();
  EXPECT_EQ(status.kind(), base::ErrorKind::kInvalidArgument);
  return status.message();
}

}  // namespace dapr_mqtt::config
