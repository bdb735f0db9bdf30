// The requests to a Paho client that wait for the broker's answer.
#pragma once

#include <atomic>
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

// The completion of a request, and the name for the text of a refusal.
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

/// `granted` is used for a subscription only.
void succeed(Done& done, core::QoS granted);
void fail(Done& done, const base::Status& failure);
/// The error for Paho's code, or for SUBACK's 0x80 of MQTT 3.1.1.
base::Status failure_of(const Done& done, int code);
/// The error for an MQTT 5 reason code that is a failure.
base::Status failure_of(const Done& done, const Reason& reason);

/// The open operations of one client. Thread-safe.
class Operations {
 public:
  /// The address of an Operation is the context that Paho passes to callbacks.
  struct Operation {
    PahoClient* client;
    std::uint64_t id;
    std::size_t bytes;  ///< how many bytes Paho holds for it
    Done done;
  };

  /// `open` is kept equal to size(), for readers that may outlive this object.
  Operations(PahoClient& client, std::atomic<std::size_t>& open) : client_(client), count_(open) {}

  /// After close(): null, and `done` is unchanged.
  Operation* add(Done& done, std::size_t bytes);
  /// Whether Paho may be given this much more.
  bool has_room_for(std::size_t bytes) const;
  /// Removes the operation; the caller must complete it. None: it was taken before, or close() was
  /// called, and somebody else completes it.
  [[nodiscard]] std::optional<Done> take(std::uint64_t id);
  std::size_t size() const;

  /// After this nothing can be added or taken. True for the first call.
  bool close();
  /// The operations that are still open. After close(), and when Paho does not use them any more.
  std::vector<Done> take_all();

 private:
  PahoClient& client_;
  std::atomic<std::size_t>& count_;
  mutable base::Mutex mutex_;
  std::unordered_map<std::uint64_t, Operation> open_ DM_GUARDED_BY(mutex_);
  std::size_t bytes_ DM_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_ DM_GUARDED_BY(mutex_) = 0;
  bool closed_ DM_GUARDED_BY(mutex_) = false;
};

}  // namespace dapr_mqtt::mqtt
