#pragma once

#include <optional>

#include "dapr_mqtt/base/mutex.h"
#include "instance/mqtt_instance.h"

namespace dapr_mqtt::instance {

/// A PullMessages stream's side of an instance: turns its calls into tasks of the executor
/// mqtt-deliver; acknowledge() uses enter(). From the stream's creation until its subscription is
/// accepted or refused, later publishes of the instance wait.
class MqttInstance::MqttStream final : public Stream {
 public:
  MqttStream(std::shared_ptr<MqttInstance> instance, std::shared_ptr<core::Subscriber> subscriber);
  ~MqttStream() override { close(); }

  base::Status subscribe(std::string_view topic, const core::Metadata& metadata) override;
  void acknowledge(std::string_view id, std::optional<core::DeliveryError> error) override;
  void close() override;

 private:
  /// Used only by tasks on mqtt-deliver.
  struct State {
    std::shared_ptr<core::Subscriber> subscriber;
    std::optional<core::TopicFilter> filter;  ///< set once subscribed
    delivery::StreamId id = 0;
  };

  const std::shared_ptr<MqttInstance> instance_;
  const std::shared_ptr<State> state_;
  const publish::Publisher::HoldId hold_;

  base::Mutex mutex_;
  bool subscribed_ DM_GUARDED_BY(mutex_) = false;
  bool closed_ DM_GUARDED_BY(mutex_) = false;
};

}  // namespace dapr_mqtt::instance
