#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/session_store.h"
#include "storage/inbox_file.h"

namespace dapr_mqtt::storage {

/// The sessions' part of an inbox's file. A change of subscriptions is a transaction by
/// itself; those of packets are written by the inbox's next commit or flush.
class SqliteSession final : public core::SessionStore {
 public:
  /// `changed` runs, with the file's lock held, when packets are to be written.
  /// `failed` runs, with no lock held, when the disk did not take a change of subscriptions;
  /// the owner of the file writes it later.
  SqliteSession(InboxFile& file, std::function<void()> changed,
                std::function<void(const base::Status&)> failed);
  ~SqliteSession() override;

  core::PacketStore& packets(std::size_t connection) override;
  std::vector<core::SessionSubscription> subscriptions() const override;
  void subscribed(std::size_t connection, const core::TopicFilter& filter) override;
  void unsubscribed(std::size_t connection, const core::TopicFilter& filter) override;

 private:
  class Packets;

  void report(const base::Status& status) const;

  InboxFile& file_;
  const std::function<void()> changed_;
  const std::function<void(const base::Status&)> failed_;
  base::Mutex mutex_;
  std::map<std::size_t, std::unique_ptr<Packets>> packets_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::storage
