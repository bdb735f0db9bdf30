#include "storage/sqlite_session.h"

#include <new>
#include <utility>

namespace dapr_mqtt::storage {

class SqliteSession::Packets final : public core::PacketStore {
 public:
  Packets(SqliteSession& owner, std::size_t connection)
      : owner_(owner),
        file_(owner.file_),
        event_ids_(owner.event_ids_.at(connection)),
        connection_(connection) {}

  void put(Id id) override {
    base::MutexLock lock(file_.mutex);
    file_.session.put(key(id));
  }
  base::Status remove(Id id, core::Receipt safe) override {
    return change([&](SessionState& session) { return session.remove(key(id), safe); }, safe);
  }
  base::Status clear(core::Receipt safe) override {
    event_ids_.clear();
    return change(
        [&](SessionState& session) {
          owner_.cleared_(connection_);  // first, since it may throw
          return session.clear(connection_, safe);
        },
        safe);
  }
  bool wants_acknowledging() const override { return event_ids_.any(); }
  void acknowledging(const std::vector<Id>& ids) override { event_ids_.acknowledging(ids); }
  bool contains(Id id) const override {
    base::MutexLock lock(file_.mutex);
    return file_.session.contains(key(id));
  }
  std::vector<Id> ids() const override {
    base::MutexLock lock(file_.mutex);
    return file_.session.ids(connection_);
  }

 private:
  core::PacketKey key(Id id) const { return {connection_, id}; }
  /// `change` returns whether `safe` can be given at once.
  template <typename Change>
  base::Status change(Change change, const core::Receipt& safe) {
    {
      base::MutexLock lock(file_.mutex);
      if (!file_.database) return base::cancelled("the inbox is closed");
      try {
        if (!change(file_.session)) {
          owner_.changed_();
          return {};
        }
      } catch (const std::bad_alloc&) {
        return base::resource_exhausted("out of memory for the state of the MQTT session");
      }
    }
    safe.give();
    return {};
  }

  SqliteSession& owner_;
  InboxFile& file_;
  EventIdRecords& event_ids_;
  const std::size_t connection_;
};

SqliteSession::SqliteSession(InboxFile& file, EventIdFolder& event_ids,
                             std::function<void()> changed,
                             std::function<void(std::size_t)> cleared,
                             std::function<void(const base::Status&)> failed)
    : file_(file),
      event_ids_(event_ids),
      changed_(std::move(changed)),
      cleared_(std::move(cleared)),
      failed_(std::move(failed)) {}

SqliteSession::~SqliteSession() = default;

void SqliteSession::report(const base::Status& status) const {
  // CANCELLED: the inbox is closed, and nothing can be written later.
  if (!status.ok() && status.kind() != base::ErrorKind::kCancelled) failed_(status);
}

core::PacketStore& SqliteSession::packets(std::size_t connection) {
  base::MutexLock lock(mutex_);
  std::unique_ptr<Packets>& made = packets_[connection];
  if (!made) made = std::make_unique<Packets>(*this, connection);
  return *made;
}

std::vector<core::SessionSubscription> SqliteSession::subscriptions() const {
  base::MutexLock lock(file_.mutex);
  return file_.session.subscriptions();
}

void SqliteSession::subscribed(std::size_t connection, const core::TopicFilter& filter) {
  base::Status status;
  {
    base::MutexLock lock(file_.mutex);
    status = file_.session.subscribed(file_.session_rows.get(), {connection, filter});
  }
  report(status);
}

void SqliteSession::unsubscribed(std::size_t connection, const core::TopicFilter& filter) {
  base::Status status;
  {
    base::MutexLock lock(file_.mutex);
    status = file_.session.unsubscribed(file_.session_rows.get(), {connection, filter});
  }
  report(status);
}

}  // namespace dapr_mqtt::storage
