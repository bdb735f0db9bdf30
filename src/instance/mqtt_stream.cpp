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
  const config::ComponentSettings& settings = instance_->settings_;
  auto filter = core::TopicFilter::parse(topic);
  if (filter.ok() && !filter.value().shared() && !settings.consumer_group.empty()) {
    filter = core::TopicFilter::parse("$share/" + settings.consumer_group + "/" +
                                      std::string(topic));
  }
  if (!filter.ok()) return filter.status();
  const auto request = subscribe::parse_subscribe_options(
      metadata, {settings.qos, settings.connection.protocol});
  const std::string name = "topic " + base::quote(topic);
  if (!request.ok()) return request.status().with_context(name);
  if (request.value().options.no_local && filter.value().shared()) {
    return base::invalid_argument(name + ": noLocal does not go with a shared subscription "
                                         "(consumerGroup or $share/), MQTT-3.8.3-4");
  }
  if (!request.value().ignored.empty()) {
    instance_->log_.warn(name + ": subscribe metadata without effect, since only protocolVersion 5 "
                                "has it: " + request.value().ignored);
  }
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
    instance->own_messages_.subscribed(f, r.options.no_local);
    instance->ready_.begins(f);
    instance->subscriptions_->add(f, r, [instance, hold] {
      instance->publisher_->release(hold);
      instance->ready_.settled();
    });
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
