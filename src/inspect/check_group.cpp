#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/inspect/share_check.h"
#include "inspect/check_context.h"

namespace dapr_mqtt::inspect {
namespace {

/// Whether a message comes to a member of `group`. A status: the member's subscription is not
/// granted, and `step` has no result yet.
base::Status try_group(const CheckContext& context, PublisherLink& publisher,
                       const std::string& group, Step& step) {
  const std::chrono::milliseconds timeout = context.options.timeout;
  const std::string name = "$share/" + group + "/" + context.topic.str();
  const auto filter = core::TopicFilter::parse(name);
  if (!filter.ok()) return filter.status();
  ConsumerLink member(context.factory, context.log, context.clean_connection("-g"));
  if (const auto made = member.connect(timeout); !made.ok()) {
    fail(step, made.status().message());
    return {};
  }
  // QoS 0, which every broker has: only whether the message comes matters here.
  const auto granted = member.subscribe(filter.value(), core::QoS::kAtMostOnce, timeout);
  if (!granted.ok()) return granted.status();
  const std::string sent = context.payload("group");
  const base::Status published =
      publisher.publish(context.message(sent, core::QoS::kAtMostOnce), timeout);
  if (!published.ok()) {
    fail_with_topic(step, published.message());
    return {};
  }
  if (member.received().wait(sent, timeout)) {
    step.text = base::quote(name) + ": sent and received";
    return {};
  }
  const std::string nothing = "nothing comes to " + base::quote(name) + ": ";
  const auto as_topic = treats_share_as_topic(context.factory, context.log,
                                              context.options.connection, context.options.suffix);
  if (as_topic.ok() && as_topic.value()) {
    fail(step, nothing +
                   "this broker treats $share/... as an ordinary topic and has no shared "
                   "subscriptions, so consumerGroup cannot be used with it");
  } else {
    fail_with_topic(step,
                    nothing +
                        "the broker has no shared subscriptions, or its access control list does "
                        "not allow this user this one; then consumerGroup cannot be used");
  }
  return {};
}

}  // namespace

void check_group(const CheckContext& context, PublisherLink& publisher, Step& step) {
  const std::string& group = context.options.wanted.consumer_group;
  // Not the Component's group: on a topic of the app, its members would get our message, and we
  // theirs.
  base::Status refused =
      try_group(context, publisher, group + "-check-" + context.options.suffix, step);
  if (refused.ok()) return;
  // The broker's access control list may name the Component's group.
  if (context.options.own_topic) refused = try_group(context, publisher, group, step);
  if (refused.ok()) return;
  const bool by_list = refused.kind() != base::ErrorKind::kFailedPrecondition;
  if (context.options.own_topic || !by_list) return fail_with_topic(step, refused.message());
  step.outcome = Outcome::kWarning;
  step.text = "not known: " + refused.message() + ". If that list names the group " +
              base::quote(group) +
              ", try without --topic: with it, the check would take messages from the app";
}

}  // namespace dapr_mqtt::inspect
