#include "storage/sqlite_session.h"

#include <utility>

namespace dapr_mqtt::storage {

class SqliteSession::Packets final : public core::PacketStore {
 public:
  Packets(SqliteSession& owner, std::size_t connection)
      : owner_(owner), file_(owner.file_), connection_(connection) {}

  base::Status put_body(Id id, std::string packet) override {
    return change([&](SessionState& session) { session.put_body(key(id), std::move(packet)); });
  }
  void put_mark(Id id) override {
    base::MutexLock lock(file_.mutex);
    file_.session.put_mark(key(id));
  }
  base::Status remove(Id id) override {
    return change([&](SessionState& session) { session.remove(key(id)); });
  }
  base::Status clear() override {
    return change([&](SessionState& session) { session.clear(connection_); });
  }
  std::vector<Entry> entries() const override {
    base::MutexLock lock(file_.mutex);
    return file_.session.entries(connection_);
  }
  std::optional<Entry> find(Id id) const override {
    base::MutexLock lock(file_.mutex);
    return file_.session.find(key(id));
  }
  std::optional<std::string> body(Id id) const override {
    base::MutexLock lock(file_.mutex);
    return file_.session.body(file_.session_rows.get(), key(id));
  }

 private:
  core::PacketKey key(Id id) const { return {connection_, id}; }
  template <typename Change>
  base::Status change(Change change) {
    base::MutexLock lock(file_.mutex);
    if (!file_.database) return base::cancelled("the inbox is closed");
    change(file_.session);
    if (file_.session.has_unwritten()) owner_.changed_();
    return {};
  }

  SqliteSession& owner_;
  InboxFile& file_;
  const std::size_t connection_;
};

SqliteSession::SqliteSession(InboxFile& file, std::function<void()> changed,
                             std::function<void(const base::Status&)> failed)
    : file_(file), changed_(std::move(changed)), failed_(std::move(failed)) {}

SqliteSession::~SqliteSession() = default;

void SqliteSession::report(const base::Status& status) const {
  // After the end of the inbox nobody is there to write later.
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
