// One initialised component as the gRPC room sees it: without gRPC and Paho.
// Implemented by src/instance; the tests of the gRPC room use a fake of it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/core/credentials_report.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/metadata.h"
#include "dapr_mqtt/core/missing_answer.h"
#include "dapr_mqtt/core/subscriber.h"

namespace dapr_mqtt::instance {

struct PublishRequest {
  std::string topic;
  std::string payload;
  core::Metadata metadata;
  /// The caller's deadline. publishTimeout applies too; the earlier one counts.
  base::TimePoint deadline = base::TimePoint::max();
};

struct BulkEntry {
  std::string id;
  std::string payload;
  core::Metadata metadata;  ///< overrides the request's metadata
};

struct BulkPublishRequest {
  std::string topic;
  core::Metadata metadata;
  std::vector<BulkEntry> entries;
  base::TimePoint deadline = base::TimePoint::max();
};

struct FailedEntry {
  std::string id;
  std::string error;
};

/// One PullMessages stream's side of an instance. Thread-safe; no call blocks.
/// Dropping the last reference closes it.
class Stream {
 public:
  virtual ~Stream() = default;

  /// The stream's first request. INVALID_ARGUMENT (no topic, no valid filter,
  /// wrong metadata, called twice) is for the peer: the stream ends with it. OK
  /// does not mean that the broker has accepted: deliveries begin when it has.
  virtual base::Status subscribe(std::string_view topic, const core::Metadata& metadata) = 0;
  /// One acknowledgement; `error` when the app failed the message or was not
  /// reached. Ids that are unknown, late or not a number are counted and ignored.
  virtual void acknowledge(std::string_view id, std::optional<core::DeliveryError> error) = 0;
  /// The peer ended the stream: messages that it has not acknowledged go back to
  /// the queue, and no failure is counted. Idempotent. Soon after this returns,
  /// the Subscriber gets no more deliveries.
  virtual void close() = 0;
};

/// The state of an instance, for metrics and health.
struct InstanceFacts {
  std::string consumer_id;  ///< client ID of the receiving connection
  core::InboxUsage inbox;
  core::InboxLimits inbox_limits;
  /// When the oldest message that the app has not handled was received, if known.
  std::optional<base::WallTime> oldest_received;
  core::HeldMessages held;  ///< messages in the inbox that are still at the broker
  core::InboxUsage stored;  ///< messages in the inbox that are on disk
  bool publisher_connected = false;
  base::Status health;                               ///< as health()
  base::Status group_problem;                        ///< not OK: no shared subscriptions here
  core::CredentialsReport credentials;               ///< of the publishing connection
  std::vector<core::MissingAnswer> missing_answers;  ///< overdue from the broker now
};

/// Thread-safe; no call blocks; completions run on threads of the instance,
/// exactly once, possibly before the call returns, and must be quick.
class Instance {
 public:
  virtual ~Instance() = default;

  virtual const core::Metadata& metadata() const = 0;  ///< as given to Init
  virtual std::vector<std::string> features() const = 0;
  virtual void publish(PublishRequest request, std::function<void(base::Status)> done) = 0;
  /// The failed entries, in the request's order; empty when all succeeded.
  virtual void bulk_publish(BulkPublishRequest request,
                            std::function<void(std::vector<FailedEntry>)> done) = 0;

  /// To be called as soon as a stream begins, before its first request is read:
  /// a publish that comes later waits for its subscription (bounded).
  virtual std::shared_ptr<Stream> open_stream(std::shared_ptr<core::Subscriber> subscriber) = 0;

  virtual void pause() = 0;   ///< no new deliveries; acknowledgements still count. Idempotent.
  virtual void resume() = 0;  ///< Idempotent.

  /// OK, or why messages do not flow now (for Ping and health).
  virtual base::Status health() const = 0;
  virtual const core::Counters& counters() const = 0;
  virtual InstanceFacts facts() const = 0;

  /// Stops taking messages in, and calls `done` when nothing is in flight any more (no
  /// unacknowledged deliveries, no unanswered publishes) or `deadline` has passed.
  virtual void drain(base::TimePoint deadline, std::function<void()> done) = 0;
  /// Ends the instance: publishes get UNAVAILABLE, streams get no more messages, MQTT
  /// is disconnected. Calls `done` when another instance may use its consumerID.
  /// Idempotent: each call gets its `done`.
  virtual void close(std::function<void()> done) = 0;
};

class InstanceFactory {
 public:
  virtual ~InstanceFactory() = default;

  /// INVALID_ARGUMENT with every problem in the metadata. No I/O.
  virtual base::Status check(const core::Metadata& metadata) const = 0;

  /// Whether instances with these metadata would have the same client ID at the same brokers. No
  /// I/O.
  virtual bool same_client(const core::Metadata& one, const core::Metadata& other) const = 0;

  using Created = std::function<void(base::Result<std::shared_ptr<Instance>>)>;
  /// Connects the publisher, which proves URL, credentials and TLS, and calls
  /// `created` within connectTimeout (at once with connectInBackground). A slow disk adds
  /// the time to open an inbox, but does not delay other instances. If another instance of
  /// the process uses the same broker and consumerID, waits within connectTimeout until it
  /// has closed; else FAILED_PRECONDITION.
  /// `name` is the Component's name, for logs.
  virtual void create(std::string name, core::Metadata metadata, Created created) = 0;
};

}  // namespace dapr_mqtt::instance
