#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/inspect/share_check.h"
#include "inspect/check_context.h"

namespace dapr_mqtt::inspect {

void check_group(const CheckContext& context, PublisherLink& publisher, Step& step) {
  const std::chrono::milliseconds timeout = context.options.timeout;
  const std::string name =
      "$share/" + context.options.wanted.consumer_group + "/" + context.topic.str();
  const auto filter = core::TopicFilter::parse(name);
  if (!filter.ok()) return fail(step, filter.status().message());
  ConsumerLink member(context.factory, context.log, context.clean_connection("-g"));
  if (const auto made = member.connect(timeout); !made.ok()) {
    return fail(step, made.status().message());
  }
  // QoS 0, which every broker has: only whether the message comes matters here.
  const auto granted = member.subscribe(filter.value(), core::QoS::kAtMostOnce, timeout);
  if (!granted.ok()) return fail_with_topic(step, granted.status().message());
  const std::string sent = context.payload("group");
  const base::Status published =
      publisher.publish(context.message(sent, core::QoS::kAtMostOnce), timeout);
  if (!published.ok()) return fail_with_topic(step, published.message());
  if (!member.received().wait(sent, timeout)) {
    const std::string nothing = "nothing comes to " + base::quote(name) + ": ";
    const auto as_topic = treats_share_as_topic(context.factory, context.log,
                                                context.options.connection, context.options.suffix);
    if (as_topic.ok() && as_topic.value()) {
      return fail(step, nothing +
                            "this broker treats $share/... as an ordinary topic and has no shared "
                            "subscriptions, so consumerGroup cannot be used with it");
    }
    return fail_with_topic(
        step, nothing +
                  "the broker has no shared subscriptions, or its access control list does not "
                  "allow this user this one; then consumerGroup cannot be used");
  }
  step.text = base::quote(name) + ": sent and received";
}

}  // namespace dapr_mqtt::inspect
