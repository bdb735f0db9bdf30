#include "instance/mqtt_stream.h"

#include <charconv>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/subscribe/lane.h"
#include "instance/event_subscriber.h"

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
  const auto wanted = subscribe::without_lane(topic);
  if (!wanted.ok()) return wanted.status();
  auto filter = core::TopicFilter::parse(wanted.value());
  if (filter.ok() && !filter.value().shared() && !settings.consumer_group.empty()) {
    filter = core::TopicFilter::parse("$share/" + settings.consumer_group + "/" +
                                      std::string(wanted.value()));
  }
  if (!filter.ok()) return filter.status();
  const auto request = subscribe::parse_subscribe_options(
      metadata, {settings.qos, settings.connection.protocol, settings.cloud_events,
                 settings.cloud_event_type, settings.order});
  const std::string name = "topic " + base::quote(topic);
  if (!request.ok()) return request.status().with_context(name);
  if (request.value().options.no_local && filter.value().shared()) {
    return base::invalid_argument(name +
                                  ": noLocal is not allowed with a shared subscription "
                                  "(consumerGroup or $share/), MQTT-3.8.3-4");
  }
  if (!request.value().ignored.empty()) {
    instance_->log_.warn(name +
                         ": subscribe metadata that has no effect without protocolVersion 5: " +
                         request.value().ignored);
  }
  for (const std::string& warning : request.value().warnings) {
    instance_->log_.warn(name + ": " + warning);
  }
  {
    base::MutexLock lock(mutex_);
    if (closed_) return {};
    if (std::exchange(subscribed_, true)) {
      return base::invalid_argument("topic " + base::quote(topic) +
                                    ": this stream has a topic already; open one stream for each");
    }
  }
  events::EventMaker maker({instance_->name_, settings.connection.client_id, std::string(topic)},
                           request.value().events);
  instance_->delivery_worker_.post([instance = instance_.get(), state = state_, hold = hold_,
                                    f = filter.value(), r = request.value(),
                                    maker = std::move(maker)] {
    state->filter = f;
    state->subscriber = std::make_shared<EventSubscriber>(
        std::move(state->subscriber), maker, instance->delivery_worker_, instance->log_);
    instance->own_messages_.subscribed(f, r.options.no_local);
    instance->event_filters_.subscribed(f, r.events.makes_events());
    instance->ready_.begins(f);
    instance->subscriptions_->add(f, r, [instance, hold] {
      instance->publisher_->release(hold);
      instance->ready_.settled();
    });
    state->id = instance->dispatcher_->open(f, std::move(state->subscriber), r.order);
  });
  return {};
}

void MqttInstance::MqttStream::acknowledge(std::string_view id,
                                           std::optional<core::DeliveryError> error) {
  core::InboxId number = 0;
  const auto [end, problem] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (problem != std::errc() || end != id.data() + id.size()) {
    core::bump(instance_->counters_.unknown_acks);
    return;
  }
  base::Executor::Task task = [instance = instance_.get(), state = state_, number,
                               error = std::move(error)]() mutable {
    instance->dispatcher_->acknowledge(state->id, number, std::move(error));
  };
  if (instance_->inbox_->settling_may_block()) {
    instance_->delivery_worker_.post(std::move(task));
  } else {
    instance_->delivery_worker_.enter(std::move(task));
  }
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
