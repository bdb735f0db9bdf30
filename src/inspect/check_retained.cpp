#include <algorithm>

#include "dapr_mqtt/base/text.h"
#include "inspect/check_context.h"

namespace dapr_mqtt::inspect {
namespace {

/// How long to wait for a retained message: it comes right after the subscription, or never.
constexpr std::chrono::milliseconds kForRetained{2000};

/// `topic` with a wildcard in place of its last level.
std::string with_wildcard(const std::string& topic) {
  const std::size_t last = topic.rfind('/');
  return last == std::string::npos ? "+" : topic.substr(0, last + 1) + "+";
}

/// Whether `sent` comes to a client that subscribes to `name` now, or why that cannot be known.
/// Without `sent`: whether any retained message comes.
base::Result<bool> comes_to(const CheckContext& context, const std::string& name,
                            const std::optional<std::string>& sent) {
  const auto filter = core::TopicFilter::parse(name);
  if (!filter.ok()) return filter.status();
  ConsumerLink late(context.factory, context.log, context.clean_connection("-l"));
  const auto timeout = context.options.timeout;
  if (const auto made = late.connect(timeout); !made.ok()) return made.status();
  const auto granted = late.subscribe(filter.value(), core::QoS::kAtMostOnce, timeout);
  if (!granted.ok()) return granted.status();
  const auto wait = std::min(timeout, kForRetained);
  const bool came = sent ? late.received().wait(*sent, wait).has_value()
                         : late.received().wait_for_retained(wait);
  late.close(timeout);
  return came;
}

}  // namespace

void check_retained(const CheckContext& context, const std::optional<core::BrokerLimits>& limits,
                    Step& step) {
  const auto not_there = [&](std::string text) {
    step.outcome = context.options.wanted.retain ? Outcome::kFailed : Outcome::kWarning;
    step.text = std::move(text);
  };
  if (limits && !limits->retain_available) {
    return not_there("the broker keeps no retained messages");
  }
  if (!context.options.own_topic) {
    const auto held = comes_to(context, context.topic.str(), std::nullopt);
    if (!held.ok()) return not_there("not tried: " + held.status().message());
    if (held.value()) {
      step.outcome = Outcome::kWarning;
      step.text = "not tried: " + base::quote(context.topic.str()) +
                  " has a retained message, which this step would remove; name another topic with "
                  "--topic";
      return;
    }
  }
  // Some brokers close the connection on a retained publish.
  PublisherLink publisher(context.factory, context.log, context.clean_connection("-r"));
  const auto timeout = context.options.timeout;
  if (const auto made = publisher.connect(timeout); !made.ok()) {
    return not_there("not tried: " + made.status().message());
  }
  const auto retain = [&](const std::string& payload) {
    core::OutgoingMessage message = context.message(payload, core::QoS::kAtLeastOnce);
    message.retain = true;
    return publisher.publish(message, timeout);
  };
  const std::string sent = context.payload("retained");
  if (const base::Status taken = retain(sent); !taken.ok()) return not_there(taken.message());
  const auto exact = comes_to(context, context.topic.str(), sent);
  const std::string wildcard = with_wildcard(context.topic.str());
  const bool kept = exact.ok() && exact.value();
  const auto wild = kept ? comes_to(context, wildcard, sent) : base::Result<bool>(false);
  const base::Status removed = retain({});
  if (!exact.ok()) return not_there("not known: " + exact.status().message());
  if (!kept) return not_there("the broker took the message but did not keep it");
  step.text = "kept";
  if (!removed.ok()) step.text += " (and stays: " + removed.message() + ")";
  if (!wild.ok()) {
    step.text += "; under wildcards not known: " + wild.status().message();
  } else if (!wild.value()) {
    step.outcome = Outcome::kWarning;
    step.text += ", but not sent to " + base::quote(wildcard) +
                 ": apps that subscribe with a wildcard get no retained messages from this broker";
  } else {
    step.text += ", also for wildcards";
  }
}

}  // namespace dapr_mqtt::inspect
