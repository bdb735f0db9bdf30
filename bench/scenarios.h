// What is measured, in which order.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "floors.h"
#include "measurement.h"
#include "subject.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::bench {

/// A table of its own in the report.
struct Scenario {
  std::string name;   ///< for --only: "publish-qos1-16"
  std::string title;  ///< for people
  testing::Properties metadata;             ///< for every subject
  std::optional<int> broker_window{};       ///< mosquitto's max_inflight_messages
  bool slow = false;                        ///< takes a minute or more for each subject
  bool persistent_too = false;              ///< the durable inbox is measured as well
  bool peers = true;                        ///< false: the peers cannot do it
  std::function<Measurement(Running&, const testing::Mosquitto&)> run;
  /// With the server that does nothing; empty: no such floor.
  std::function<Measurement(Running&)> grpc_floor;
  /// With Paho alone (the program's path); empty: no such floor.
  std::function<Measurement(const std::string&, const testing::Mosquitto&)> paho_floor;
};

/// `scale` multiplies the numbers of messages.
std::vector<Scenario> all_scenarios(double scale);

}  // namespace dapr_mqtt::bench
