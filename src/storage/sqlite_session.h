#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/session_store.h"
#include "storage/event_id_records.h"
#include "storage/inbox_file.h"

namespace dapr_mqtt::storage {

/// The sessions' part of an inbox's file. A change of subscriptions is a transaction by
/// itself; changes of packet identifiers are written by the inbox's next commit or flush.
class SqliteSession final : public core::SessionStore {
 public:
  /// `changed` is called, with the file's lock held, when removals of packet identifiers must be
  /// written.
  /// `cleared` is called, likewise, when the session of a connection has ended at the broker.
  /// `failed` is called, with no lock held, when a change of subscriptions could not be written;
  /// the owner of the file writes it later.
  SqliteSession(InboxFile& file, EventIdFolder& event_ids, std::function<void()> changed,
                std::function<void(std::size_t)> cleared,
                std::function<void(const base::Status&)> failed);
  ~SqliteSession() override;

  core::PacketStore& packets(std::size_t connection) override;
  core::EventIds* event_ids(std::size_t connection) override { return &event_ids_.at(connection); }
  std::vector<core::SessionSubscription> subscriptions() const override;
  void subscribed(std::size_t connection, const core::TopicFilter& filter) override;
  void unsubscribed(std::size_t connection, const core::TopicFilter& filter) override;

 private:
  class Packets;

  void report(const base::Status& status) const;

  InboxFile& file_;
  EventIdFolder& event_ids_;
  const std::function<void()> changed_;
  const std::function<void(std::size_t)> cleared_;
  const std::function<void(const base::Status&)> failed_;
  base::Mutex mutex_;
  std::map<std::size_t, std::unique_ptr<Packets>> packets_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::storage
