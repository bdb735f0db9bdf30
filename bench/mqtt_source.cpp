#include "mqtt_source.h"

#include <mosquitto.h>

#include <unistd.h>

#include <stdexcept>

namespace dapr_mqtt::bench {
namespace {

void check(int code, const char* what) {
  if (code != MOSQ_ERR_SUCCESS) {
    throw std::runtime_error(std::string(what) + ": " + mosquitto_strerror(code));
  }
}

}  // namespace

std::string MqttSource::socket_path() {
  return "/tmp/mqtt-bench-" + std::to_string(::getpid()) + ".sock";
}

MqttSource::MqttSource(const testing::Mosquitto& broker) {
  const bool plain = !broker.endpoint().uses_tls();
  const std::string host = plain ? "127.0.0.1" : socket_path();
  const int port = plain ? broker.port() : 0;
  mosquitto_lib_init();
  client_ = mosquitto_new(nullptr, true, this);
  if (client_ == nullptr) throw std::runtime_error("no MQTT client to publish with");
  mosquitto_int_option(client_, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_int_option(client_, MOSQ_OPT_SEND_MAXIMUM, 65535);
  mosquitto_connect_callback_set(client_, [](mosquitto*, void* self, int code) {
    auto& source = *static_cast<MqttSource*>(self);
    const std::lock_guard lock(source.mutex_);
    source.connected_ = code == 0;
    source.changed_.notify_all();
  });
  mosquitto_publish_callback_set(client_, [](mosquitto*, void* self, int) {
    auto& source = *static_cast<MqttSource*>(self);
    const std::lock_guard lock(source.mutex_);
    --source.on_their_way_;
    source.changed_.notify_all();
  });
  check(mosquitto_loop_start(client_), "starting to publish");
  check(mosquitto_connect(client_, host.c_str(), port, 60), "connecting to publish");
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return connected_; });
}

MqttSource::~MqttSource() {
  mosquitto_disconnect(client_);
  mosquitto_loop_stop(client_, false);
  mosquitto_destroy(client_);
}

void MqttSource::publish(const std::string& topic, const std::string& payload, int qos) {
  {
    std::unique_lock lock(mutex_);
    const std::size_t window = qos == 2 ? kWindowExactlyOnce : kWindow;
    changed_.wait(lock, [this, window] { return on_their_way_ < window; });
    ++on_their_way_;
  }
  check(mosquitto_publish(client_, nullptr, topic.c_str(), static_cast<int>(payload.size()),
                          payload.data(), qos, false),
        "publishing");
}

void MqttSource::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return on_their_way_ == 0; });
}

}  // namespace dapr_mqtt::bench
