#include "inspect/check_context.h"
#include "inspect/mqtt5.h"

namespace dapr_mqtt::inspect {
namespace {

base::Status session_round(const CheckContext& context, PublisherLink& publisher,
                           const core::ConnectionOptions& options, Step& step) {
  const std::chrono::milliseconds timeout = context.options.timeout;
  std::string shorter;
  {
    ConsumerLink first(context.factory, context.log, options);
    if (const auto made = first.connect(timeout); !made.ok()) return made.status();
    shorter = shorter_session(first.limits().value_or(core::BrokerLimits()), options);
    const auto granted = first.subscribe(context.filter, core::QoS::kAtLeastOnce, timeout);
    if (!granted.ok()) return granted.status();
    first.close(timeout);
  }
  const std::string sent = context.payload("session");
  base::Status published =
      publisher.publish(context.message(sent, core::QoS::kAtLeastOnce), timeout);
  if (!published.ok()) return published;
  ConsumerLink second(context.factory, context.log, options);
  const auto present = second.connect(timeout);
  if (!present.ok()) return present.status();
  if (!present.value()) {
    return base::failed_precondition(
        "the broker forgot the session: what is sent while the component is away is lost. Allow "
        "persistent sessions there, or set cleanSession to true");
  }
  const bool came = second.received().wait(sent, timeout).has_value();
  second.close(timeout);
  if (!came) {
    return base::failed_precondition(
        "the broker keeps the session but queued no message for it: look at its limits for queued "
        "messages");
  }
  step.text = "kept, with what was sent meanwhile";
  if (!shorter.empty()) {
    step.outcome = Outcome::kWarning;
    step.text += "; " + shorter;
  }
  return {};
}

}  // namespace

void check_session(const CheckContext& context, PublisherLink& publisher, Step& step) {
  const core::ConnectionOptions options = context.connection("-k");
  const base::Status problem = session_round(context, publisher, options, step);
  ConsumerLink remover(context.factory, context.log, context.clean_connection("-k"));
  if (remover.connect(context.options.timeout).ok()) remover.close(context.options.timeout);
  if (!problem.ok()) fail(step, problem.message());
}

}  // namespace dapr_mqtt::inspect
