#include "dapr_mqtt/inspect/broker_check.h"

#include <optional>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "inspect/check_context.h"
#include "inspect/link.h"
#include "inspect/mqtt5.h"

namespace dapr_mqtt::inspect {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kKibi = 1024;

std::string bytes(std::size_t size) { return std::to_string(size) + " bytes"; }

class BrokerCheck {
 public:
  BrokerCheck(CheckContext context, const Observer& observer)
      : context_(std::move(context)),
        options_(context_.options),
        observer_(observer),
        publisher_(context_.factory, context_.log, context_.clean_connection("-p")),
        consumer_(context_.factory, context_.log, context_.clean_connection("-c")) {}

  bool run() {
    if (!step("connect", [this](Step& step) { connect(step); })) return false;
    step("mqtt 5", [this](Step& step) { see_mqtt5(step); });
    bool good = step("subscribe", [this](Step& step) { subscribe(step); });
    const bool may_subscribe = good;
    for (const auto qos :
         {core::QoS::kAtMostOnce, core::QoS::kAtLeastOnce, core::QoS::kExactlyOnce}) {
      if (may_subscribe && !good) break;  // the next would fail too, after the same wait
      good &= step("qos " + std::to_string(core::to_int(qos)), [&](Step& step) {
        if (limits_ && qos > limits_->maximum_qos && !tries(qos)) return beyond_maximum(step, qos);
        may_subscribe ? round_trip(step, qos) : publish_only(step, qos);
      });
    }
    if (!good) return false;
    step("size", [this](Step& step) { find_size(step); });
    good &= step("retained", [this](Step& step) { check_retained(context_, limits_, step); });
    if (!options_.wanted.consumer_group.empty()) {
      good &= step("group", [this](Step& step) { check_group(context_, publisher_, step); });
    }
    if (!options_.connection.clean_session) {
      good &= step("session", [this](Step& step) { check_session(context_, publisher_, step); });
    }
    return good;
  }

 private:
  template <typename Do>
  bool step(std::string name, Do act) {
    Step step;
    step.name = std::move(name);
    observer_.begin(step.name);
    const auto begin = steady_clock::now();
    act(step);
    step.took = std::chrono::duration_cast<microseconds>(steady_clock::now() - begin);
    observer_.end(step);
    return step.outcome != Outcome::kFailed;
  }

  void connect(Step& step) {
    const auto publisher = publisher_.connect(options_.timeout);
    if (!publisher.ok()) return fail(step, publisher.status().message());
    const auto consumer = consumer_.connect(options_.timeout);
    if (!consumer.ok()) {
      return fail(step, "a second connection, as the component makes one to receive: " +
                            consumer.status().message());
    }
    step.text = "accepted, as " + base::quote(options_.connection.client_id);
  }

  void see_mqtt5(Step& step) {
    limits_ = publisher_.limits();
    if (options_.connection.protocol != core::ProtocolVersion::kMqtt5) {
      core::ConnectionOptions options = context_.clean_connection("-5");
      options.protocol = core::ProtocolVersion::kMqtt5;
      PublisherLink link(context_.factory, context_.log, std::move(options));
      if (const auto made = link.connect(options_.timeout); !made.ok()) {
        return no_mqtt5(step, made.status());
      }
      limits_ = link.limits();
    }
    step.mqtt5 = Mqtt5{true, limits_.value_or(core::BrokerLimits())};
    for (const std::string& problem : contradictions(step.mqtt5->limits, options_.wanted)) {
      step.text += problem + "; ";
      step.outcome = Outcome::kWarning;
    }
    step.text += "offered: " + describe(step.mqtt5->limits);
  }

  /// Does not use the texts that ask the user to set protocolVersion 3.1.1: it is set already.
  static void no_mqtt5(Step& step, const base::Status& why) {
    switch (why.kind()) {
      case base::ErrorKind::kFailedPrecondition: step.text = "not offered"; break;
      case base::ErrorKind::kUnavailable:
      case base::ErrorKind::kDeadlineExceeded:
        step.text = "not offered: the broker refuses an MQTT 5 CONNECT or does not answer it";
        break;
      default: step.text = "not known: " + why.message(); return;
    }
    step.mqtt5.emplace();
  }

  /// With MQTT 3.1.1 the component uses its QoS even if the broker's MQTT 5 CONNACK has a lower
  /// maximum: RabbitMQ lowers it, others do not answer. So the check tries it too.
  bool tries(core::QoS qos) const {
    return options_.connection.protocol == core::ProtocolVersion::kMqtt311 &&
           qos <= options_.wanted.qos;
  }

  void beyond_maximum(Step& step, core::QoS qos) {
    step.text = "not tried: the broker takes qos " +
                std::to_string(core::to_int(limits_->maximum_qos)) + " at the most (maximum QoS)";
    if (options_.wanted.qos >= qos) fail(step, step.text + ": lower qos of the Component");
  }

  void subscribe(Step& step) {
    // AWS IoT Core, for example, does not answer a request for a higher QoS than it supports.
    const core::QoS most =
        !limits_ || tries(core::QoS::kExactlyOnce) ? core::QoS::kExactlyOnce : limits_->maximum_qos;
    const auto granted = consumer_.subscribe(context_.filter, most, options_.timeout);
    if (!granted.ok()) return fail_with_topic(step, granted.status().message());
    step.text = base::quote(context_.filter.str());
    if (granted.value() < most) {
      step.outcome = Outcome::kWarning;
      step.text += ": the broker grants qos " + std::to_string(core::to_int(granted.value())) +
                   " at the most";
    }
  }

  void round_trip(Step& step, core::QoS qos) {
    const std::string sent = context_.payload(step.name);
    const base::Status status = publisher_.publish(context_.message(sent, qos), options_.timeout);
    if (!status.ok()) return fail_with_topic(step, status.message());
    const auto back = consumer_.received().wait(sent, options_.timeout);
    if (!back) {
      return fail_with_topic(step,
                             "the broker took the message and did not deliver it: most likely its "
                             "access control list does not let this user publish to " +
                                 base::quote(context_.topic.str()) +
                                 " or receive from it (MQTT 3.1.1 has no "
                                 "answer that says so)");
    }
    step.text = "sent and received";
    if (back->qos != qos) {
      step.outcome = Outcome::kWarning;
      step.text += ", but at qos " + std::to_string(core::to_int(back->qos));
    }
    if (back->topic != context_.topic.str()) {
      step.outcome = Outcome::kWarning;
      step.text +=
          ", but as " + base::quote(back->topic) +
          ": the broker changes topics like this one (RabbitMQ turns dots into slashes), and "
          "other clients see the changed topic";
    }
  }

  void publish_only(Step& step, core::QoS qos) {
    const base::Status status =
        publisher_.publish(context_.message(context_.payload(step.name), qos), options_.timeout);
    if (!status.ok()) return fail_with_topic(step, status.message());
    step.outcome = Outcome::kWarning;
    step.text = "sent; whether it arrives cannot be seen without a subscription";
  }

  /// On a connection of its own: some brokers close a connection that sends too much.
  void find_size(Step& step) {
    PublisherLink publisher(context_.factory, context_.log, context_.clean_connection("-s"));
    if (!publisher.connect(options_.timeout).ok()) {
      step.outcome = Outcome::kWarning;
      step.text = "not tried: no third connection";
      return;
    }
    std::size_t passed = 0;
    for (const std::size_t size : {64 * kKibi, 256 * kKibi, 1024 * kKibi}) {
      std::string sent = context_.payload(std::to_string(size));
      sent.resize(size, '.');
      if (!publisher.publish(context_.message(sent, core::QoS::kAtLeastOnce), options_.timeout)
               .ok())
        break;
      if (!consumer_.received().wait(sent, options_.timeout)) break;
      passed = size;
    }
    if (passed == 1024 * kKibi) {
      step.text = "1 MiB passes";
      return;
    }
    step.outcome = Outcome::kWarning;
    step.text = (passed == 0 ? "64 KiB does not pass"
                             : std::to_string(passed / kKibi) + " KiB passes, " +
                                   std::to_string(passed * 4 / kKibi) + " KiB does not") +
                ": the broker limits the size of packets";
    if (limits_ && limits_->maximum_packet_size < 1024 * kKibi) {
      step.text += " to " + bytes(limits_->maximum_packet_size);
    }
  }

  const CheckContext context_;
  const BrokerCheckOptions& options_;
  const Observer& observer_;
  PublisherLink publisher_;
  ConsumerLink consumer_;
  std::optional<core::BrokerLimits> limits_;  ///< none: the broker has said nothing
};

}  // namespace

bool check_broker(core::BrokerClientFactory& factory, base::Log log,
                  const BrokerCheckOptions& options, const Observer& observer) {
  auto topic = core::TopicName::parse(options.topic);
  auto filter = core::TopicFilter::parse(options.topic);
  if (!topic.ok() || !filter.ok()) {
    observer.begin("topic");
    observer.end({"topic", Outcome::kFailed,
                  (topic.ok() ? filter.status() : topic.status()).message(), microseconds(0)});
    return false;
  }
  return BrokerCheck({factory, std::move(log), options, std::move(topic).value(),
                      std::move(filter).value()},
                     observer)
      .run();
}

}  // namespace dapr_mqtt::inspect
