#pragma once

#include <optional>
#include <string>

#include "dapr_mqtt/core/event_options.h"
#include "dapr_mqtt/core/subscriber.h"

namespace dapr_mqtt::events {

/// Where the events of one subscription come from.
struct EventOrigin {
  std::string component;    ///< the Component's name, daprd's pubsubname
  std::string consumer_id;  ///< differs between replicas
  std::string topic;        ///< as daprd subscribed to it
};

/// Makes the CloudEvents of one subscription out of MQTT messages.
///
/// The event of a message always gets the same ID, even after a restart. The ID consists of a hash
/// of the Component's name and consumerID, the message's time of arrival, and its seed
/// (IncomingMessage::event_seed) or, without a seed, its number in the inbox.
///
/// Pure; thread-safe. Throws nothing but std::bad_alloc, whatever is in a message.
class EventMaker {
 public:
  EventMaker(EventOrigin origin, core::EventOptions options);

  const core::EventOptions& options() const { return options_; }

  /// The event (JSON) that daprd is to get for this delivery; none: it gets the payload as it is.
  /// Even with CloudEventsMode::kPass an event is made if the payload could end daprd's process.
  std::optional<std::string> make(const core::Delivery& delivery) const;

 private:
  std::string wrap(const core::Delivery& delivery) const;

  const EventOrigin origin_;
  const core::EventOptions options_;
  const std::string identity_;
};

}  // namespace dapr_mqtt::events
