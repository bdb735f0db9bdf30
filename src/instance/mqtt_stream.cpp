#include "instance/mqtt_stream.h"

#include <charconv>
#include <utility>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::instance {

MqttInstance::MqttStream::MqttStream(std::shared_ptr<MqttInstance> instance,
                                     std::shared_ptr<core::Subscriber> subscriber)
    : instance_(std::move(instance)),
      state_(std::make_shared<State>()),
      hold_(instance_->publisher_->hold()) {
  state_->subscriber = std::move(subscriber);
}

base::Status MqttInstance::MqttStream::subscribe(std::string_view topic,
                                                 const core::Metadata& metadata) {
  const auto filter = core::TopicFilter::parse(topic);
  if (!filter.ok()) return filter.status();
  const auto request = subscribe::parse_subscribe_options(metadata, instance_->settings_.qos);
  if (!request.ok()) return request.status().with_context("topic " + base::quote(topic));
  {
    base::MutexLock lock(mutex_);
    if (closed_) return {};
    if (std::exchange(subscribed_, true)) {
      return base::invalid_argument("topic " + base::quote(topic) +
                                    ": this stream has a topic already; open one stream for each");
    }
  }
  instance_->delivery_worker_.post([instance = instance_.get(), state = state_, hold = hold_,
                                    f = filter.value(), r = request.value()] {
    state->filter = f;
    instance->subscriptions_->add(f, r, [instance, hold] { instance->publisher_->release(hold); });
    state->id = instance->dispatcher_->open(f, std::move(state->subscriber));
  });
  return {};
}

void MqttInstance::MqttStream::acknowledge(std::string_view id, std::optional<std::string> error) {
  core::InboxId number = 0;
  const auto [end, problem] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (problem != std::errc() || end != id.data() + id.size()) {
    core::bump(instance_->counters_.unknown_acks);
    return;
  }
  instance_->delivery_worker_.post(
      [instance = instance_.get(), state = state_, number, error = std::move(error)]() mutable {
        instance->dispatcher_->acknowledge(state->id, number, std::move(error));
      });
}

void MqttInstance::MqttStream::close() {
  {
    base::MutexLock lock(mutex_);
    if (std::exchange(closed_, true)) return;
  }
  instance_->delivery_worker_.post([instance = instance_.get(), state = state_, hold = hold_] {
    instance->publisher_->release(hold);
    if (!state->filter) return;
    instance->dispatcher_->close(state->id);
    instance->subscriptions_->remove(*state->filter);
  });
}

}  // namespace dapr_mqtt::instance
