// What is measured, in which order.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "floors.h"
#include "flow.h"
#include "measurement.h"
#include "subject.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::bench {

/// A table of its own in the report, for each scheduling group.
struct Scenario {
  std::string name;                    ///< for --only: "publish-qos1-16"
  std::string title;                   ///< for people
  Properties metadata;                 ///< for every subject
  std::optional<int> broker_window{};  ///< mosquitto's max_inflight_messages
  bool tls = false;                    ///< the component connects by ssl://
  bool quick = false;                  ///< belongs to --quick
  bool slow = false;                   ///< takes a minute or more for each subject
  bool persistent_too = false;         ///< a persistent session is measured as well
  bool peers = true;                   ///< false: the peers cannot do it
  /// So many messages flow, after a twentieth of them to warm up.
  int messages = 0;
  std::function<std::unique_ptr<Flow>(Running&, const testing::Mosquitto&)> flow;
  /// What is no flow: measured once, in the load's scheduling group.
  std::function<Measurement(Running&, const testing::Mosquitto&)> run;
  /// With the server that does nothing; empty: no such floor.
  std::function<Measurement(Running&)> grpc_floor;
  /// With Paho alone (the program's path); empty: no such floor.
  std::function<Measurement(const std::string&, const testing::Mosquitto&, Group)> paho_floor;
};

/// Runs a flow for so many messages: its own figures, and what it cost the subject.
Measurement measure(Running& subject, Flow& flow, int messages);
/// "calls": the system calls that a message costs, over so many messages.
Measurement count_calls(Running& subject, Flow& flow, int messages);

/// `scale` multiplies the numbers of messages.
std::vector<Scenario> all_scenarios(double scale);

}  // namespace dapr_mqtt::bench
