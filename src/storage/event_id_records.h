#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/repeat_filter.h"
#include "dapr_mqtt/core/event_ids.h"
#include "dapr_mqtt/core/session_store.h"
#include "storage/event_id_file.h"

namespace dapr_mqtt::storage {

/// The event IDs of one connection's messages, from their arrival to their acknowledgement: in
/// memory and in an EventIdFile, with one write for each message and one for each group of
/// acknowledgements. The file is created with the first message of which events are made.
///
/// If the disk fails, a warning is logged at most once a minute, and messages get no seed: their
/// event IDs are then the same only within this process.
///
/// Two messages never have the same seed, with one exception: the broker drops a message that it
/// has sent, gives its identifier to another one with the same content, whose first PUBLISH does
/// not arrive here, and sends that one again. (Brokers that assign new identifiers on each
/// connection, against MQTT-4.4.0-1, may do so for a message that has expired.)
///
/// Thread-safe.
class EventIdRecords final : public core::EventIds {
 public:
  using Id = core::PacketStore::Id;

  EventIdRecords(std::string path, std::uint64_t boot, base::Log log);

  /// Reads the records of an earlier process. To be called once, before all other methods.
  void load();

  void received(core::IncomingMessage& message, bool makes_events) override;
  /// Whether something is recorded, or is still being erased. Does not wait.
  bool any() const { return any_; }
  /// As PacketStore::acknowledging.
  void acknowledging(const std::vector<Id>& ids);
  /// The broker has no session for this client any more.
  void clear();
  /// Keeps the file for the next process, or removes it when it has no records. Nothing is recorded
  /// any more.
  void close();

 private:
  struct Open {
    std::uint32_t slot = 0;
    EventIdRecord record;
  };

  void record(core::IncomingMessage& message, std::uint64_t fingerprint) DM_REQUIRES(mutex_);
  void erase(const std::vector<std::uint32_t>& slots) DM_REQUIRES(mutex_);
  void forget_all() DM_REQUIRES(mutex_);
  void report(const base::Status& failure) DM_REQUIRES(mutex_);

  const base::Log log_;
  // Held during the file's writes: a slot must be empty on disk before another message gets it.
  base::Mutex mutex_;
  EventIdFile file_ DM_GUARDED_BY(mutex_);
  std::unordered_map<Id, Open> open_ DM_GUARDED_BY(mutex_);
  std::atomic<bool> any_{false};
  /// The slot that has been empty longest comes first. So successive messages get successive slots,
  /// which one write empties when the messages are acknowledged together.
  std::deque<std::uint32_t> free_ DM_GUARDED_BY(mutex_);
  std::uint32_t slots_ DM_GUARDED_BY(mutex_) = 0;
  std::vector<std::uint32_t> erased_ DM_GUARDED_BY(mutex_);  // a member to reuse its memory
  std::uint64_t last_seed_ DM_GUARDED_BY(mutex_);
  bool closed_ DM_GUARDED_BY(mutex_) = false;
  base::RepeatFilter warnings_ DM_GUARDED_BY(mutex_);
};

/// All EventIdRecords of an inbox: one file for each connection, `event-ids-<connection>`.
class EventIdFolder {
 public:
  static constexpr std::string_view kPrefix = "event-ids-";

  EventIdFolder(std::string folder, std::uint64_t boot, base::Log log);

  /// Reads the records of an earlier process. To be called once, before all other methods.
  void load();
  /// The result lives as long as this object. Does no disk I/O. Thread-safe, and so is the result.
  EventIdRecords& at(std::size_t connection);
  void close();

 private:
  std::string path_of(std::size_t connection) const;

  const std::string folder_;
  const std::uint64_t boot_;
  const base::Log log_;
  base::Mutex mutex_;  // close() holds it while the files are closed
  std::map<std::size_t, std::unique_ptr<EventIdRecords>> records_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::storage
