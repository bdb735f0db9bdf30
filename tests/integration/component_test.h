// What most integration tests need: a broker, the component, and one initialised
// connection as daprd would have it.
#pragma once

#include <gmock/gmock.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "support/component_client.h"
#include "support/component_process.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::testing {

class ComponentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    DAPR_MQTT_NEEDS_MOSQUITTO();
    broker = std::make_unique<Mosquitto>(broker_options());
    component = std::make_unique<ComponentProcess>();
  }
  void TearDown() override {
    if (HasFailure() && component) {
      std::string log = component->process().output();
      if (log.size() > 8000) log.erase(0, log.size() - 8000);
      ADD_FAILURE() << "the component's log:\n" << log;
    }
  }
  virtual MosquittoOptions broker_options() { return {}; }

  /// Metadata of a Component for our broker.
  Properties metadata(const Properties& more = {}) const {
    Properties all{{"url", broker->url()}, {"consumerID", "app"}, {"qos", "1"}};
    // The same cases run for each version of MQTT (CMakeLists.txt).
    if (const char* version = std::getenv("DAPR_MQTT_TEST_PROTOCOL")) {
      all["protocolVersion"] = version;
    }
    for (const auto& [key, value] : more) all[key] = value;
    return all;
  }
  /// A connection with a successful Init.
  std::unique_ptr<ComponentClient> connect(const Properties& with,
                                           const std::string& name = "pubsub") {
    auto made = std::make_unique<ComponentClient>(component->address(), name);
    const grpc::Status status = made->init(with);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return made;
  }
  std::unique_ptr<ComponentClient> connect() { return connect(metadata()); }

  std::unique_ptr<Mosquitto> broker;
  std::unique_ptr<ComponentProcess> component;
};

/// A value of a pulled message's metadata; "(none)" when it is not there.
inline std::string value_of(const wire::PullMessagesResponse& message, const std::string& key) {
  const auto it = message.metadata().find(key);
  return it == message.metadata().end() ? "(none)" : it->second;
}

}  // namespace dapr_mqtt::testing
