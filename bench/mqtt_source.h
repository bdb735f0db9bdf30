// An MQTT client that only publishes: mosquitto's library, so that what is measured
// shares nothing with it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>

#include "support/mosquitto.h"

struct mosquitto;

namespace dapr_mqtt::bench {

/// Throws std::runtime_error when the broker cannot be had. By one thread.
class MqttSource {
 public:
  /// Without TLS: where the broker's port has it, by a Unix socket at socket_path().
  explicit MqttSource(const testing::Mosquitto& broker);
  static std::string socket_path();
  ~MqttSource();
  MqttSource(const MqttSource&) = delete;
  MqttSource& operator=(const MqttSource&) = delete;

  /// Sends it off; waits while a window's worth of them are on their way.
  void publish(const std::string& topic, const std::string& payload, int qos);
  /// Until the broker has taken all.
  void wait();

 private:
  static constexpr std::size_t kWindow = 500;
  /// mosquitto drops clients with more QoS 2 exchanges open.
  static constexpr std::size_t kWindowExactlyOnce = 20;

  mosquitto* client_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool connected_ = false;
  std::size_t on_their_way_ = 0;
};

}  // namespace dapr_mqtt::bench
