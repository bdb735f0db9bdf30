// MQTT clients that are not ours: mosquitto_pub and mosquitto_sub.
#pragma once

#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/child_process.h"
#include "support/mosquitto.h"

/// As DAPR_MQTT_NEEDS_MOSQUITTO, for its clients.
#define DAPR_MQTT_NEEDS_FOREIGN_CLIENTS()                                  \
  do {                                                                     \
    if (::access("/usr/bin/mosquitto_sub", X_OK) != 0) {                   \
      GTEST_SKIP() << "mosquitto_pub and mosquitto_sub are not installed"; \
    }                                                                      \
  } while (false)

namespace dapr_mqtt::testing {

/// Publishes with QoS 1 and MQTT 5; `more` are options of mosquitto_pub. False when
/// mosquitto_pub reports a failure.
inline bool foreign_publish(const Mosquitto& broker, const std::string& topic,
                            const std::string& payload, const std::vector<std::string>& more = {}) {
  std::vector<std::string> argv = {"/usr/bin/mosquitto_pub",
                                   "-h",
                                   "127.0.0.1",
                                   "-p",
                                   std::to_string(broker.port()),
                                   "-V",
                                   "mqttv5",
                                   "-q",
                                   "1",
                                   "-t",
                                   topic,
                                   "-m",
                                   payload};
  argv.insert(argv.end(), more.begin(), more.end());
  ChildProcess process(std::move(argv));
  return process.wait_for_end() == 0;
}

/// A subscription in force; prints each message as a line in `format`.
class ForeignSubscriber {
 public:
  ForeignSubscriber(const Mosquitto& broker, const std::string& topic, const std::string& format)
      : process_({"/usr/bin/mosquitto_sub", "-h", "127.0.0.1", "-p", std::to_string(broker.port()),
                  "-V", "mqttv5", "-q", "1", "-i", "foreign", "-t", topic, "-F", format}) {
    subscribed_ = broker.wait_for_log("Sending SUBACK to foreign");
  }
  bool subscribed() const { return subscribed_; }
  bool sees(const std::string& part) const { return process_.wait_for_output(part); }
  std::string output() const { return process_.output(); }

 private:
  ChildProcess process_;
  bool subscribed_ = false;
};

}  // namespace dapr_mqtt::testing
