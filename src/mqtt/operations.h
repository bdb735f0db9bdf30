// What was asked of a Paho client and waits for the broker's answer.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/broker.h"
#include "mqtt/reason_codes_v5.h"

namespace dapr_mqtt::mqtt {

class PahoClient;

using Completion = std::function<void(base::Status)>;

// Who wants the answer, and what a refusal's text names.
struct PublishDone {
  Completion done;
  std::string topic;
};
struct SubscribeDone {
  core::BrokerConsumer::Subscribed done;
  core::TopicFilter filter;
};
struct UnsubscribeDone {
  Completion done;
};
using Done = std::variant<PublishDone, SubscribeDone, UnsubscribeDone>;

/// `granted` counts for a subscription only.
void succeed(Done& done, core::QoS granted);
void fail(Done& done, const base::Status& failure);
/// By Paho's code, or SUBACK's 0x80 of MQTT 3.1.1.
base::Status failure_of(const Done& done, int code);
/// By an MQTT 5 reason code that is a failure.
base::Status failure_of(const Done& done, const Reason& reason);

/// The open operations of one client. Thread-safe.
class Operations {
 public:
  /// Its address is the context that Paho gives back.
  struct Operation {
    PahoClient* client;
    std::uint64_t id;
    std::size_t bytes;  ///< that Paho holds for it
    Done done;
  };

  explicit Operations(PahoClient& client) : client_(client) {}

  /// Null, `done` untouched, after close().
  Operation* add(Done& done, std::size_t bytes);
  /// Whether Paho may be given so much more.
  bool has_room_for(std::size_t bytes) const;
  /// Takes it out; none when close() has it.
  std::optional<Done> take(std::uint64_t id);
  std::size_t size() const;

  /// The first call: from here on nothing is added or taken, and true.
  bool close();
  /// After close() and when Paho holds none of them any more: what was still open.
  std::vector<Done> take_all();

 private:
  PahoClient& client_;
  mutable base::Mutex mutex_;
  std::unordered_map<std::uint64_t, Operation> open_ DM_GUARDED_BY(mutex_);
  std::size_t bytes_ DM_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_ DM_GUARDED_BY(mutex_) = 0;
  bool closed_ DM_GUARDED_BY(mutex_) = false;
};

}  // namespace dapr_mqtt::mqtt
