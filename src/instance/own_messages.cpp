#include "instance/own_messages.h"

#include <algorithm>

#include "instance/client_identity.h"

namespace dapr_mqtt::instance {

OwnMessages::OwnMessages() : id_(random_digits(16)) {}

void OwnMessages::subscribed(const core::TopicFilter& filter, bool no_local) {
  if (!no_local && !used_) return;
  used_ = true;
  base::MutexLock lock(mutex_);
  if (no_local) {
    no_local_.insert(filter);
  } else {
    no_local_.erase(filter);
  }
}

core::OutgoingMessage OwnMessages::marked(core::OutgoingMessage message) const {
  auto properties = message.properties
                        ? std::make_shared<core::MessageProperties>(*message.properties)
                        : std::make_shared<core::MessageProperties>();
  properties->user_properties.emplace_back(kProperty, id_);
  message.properties = std::move(properties);
  return message;
}

bool OwnMessages::unwanted(const core::TopicFilter& filter,
                           const core::IncomingMessage& message) const {
  if (!used_ || !message.properties) return false;
  const auto& user = message.properties->user_properties;
  const bool own = std::any_of(user.begin(), user.end(), [this](const auto& property) {
    return property.first == kProperty && property.second == id_;
  });
  if (!own) return false;
  base::MutexLock lock(mutex_);
  return no_local_.contains(filter);
}

}  // namespace dapr_mqtt::instance
