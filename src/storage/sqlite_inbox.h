#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/inbox.h"
#include "storage/inbox_file.h"
#include "storage/inbox_index.h"
#include "storage/pending_changes.h"
#include "storage/sqlite_session.h"

namespace dapr_mqtt::storage {

struct SqliteInboxOptions {
  core::InboxLimits limits;
  sqlite::DatabaseOptions database;
  /// Messages kept in memory besides on disk. The first to come stay until they
  /// are done with: the app gets those next.
  std::size_t cache_bytes = 8U << 20U;
};

/// The inbox of persistent sessions: the index in memory, some 200 bytes a
/// message, and the messages in a database file.
///
/// Two locks: the index's, held for a moment, and the file's, held for one
/// transaction. Calls that touch the disk: commit, flush, close, take of a message that is not
/// in the cache, and those of session() that are about subscriptions.
class SqliteInbox final : public core::DurableInbox {
 public:
  /// Runs when the files are closed; `empty`: they hold nothing.
  using Closed = std::function<void(bool empty)>;

  /// A file that is no database, or a damaged one, is set aside with an error in
  /// the log, and a new one begun. The caller owns `path` (InboxFolder).
  static base::Result<std::unique_ptr<SqliteInbox>> open(const std::string& path,
                                                         const SqliteInboxOptions& options,
                                                         base::Log log, Closed closed = nullptr);
  ~SqliteInbox() override;

  base::Result<core::AppendOutcome> append(std::string_view queue, core::IncomingMessage message,
                                           bool evictable) override;
  base::Status commit() override;
  std::optional<core::InboxEntry> take(std::string_view queue, base::WallTime now,
                                       Order order) override;
  std::optional<base::WallTime> next_due(std::string_view queue, Order order) const override;
  void settle(core::InboxId id) override;
  void release(core::InboxId id, std::uint32_t failures, base::WallTime due) override;
  std::size_t claim(const core::TopicFilter& filter) override;
  std::size_t discard(std::string_view queue) override;
  std::size_t abandon(std::string_view queue) override;
  std::vector<std::string> queues() const override;
  core::InboxUsage usage() const override;
  std::optional<base::WallTime> oldest_received() const override;
  bool full() const override;
  bool half_empty() const override;

  void watch(std::function<void()> unwritten) override;
  base::Result<bool> flush() override;
  void close() override;
  core::SessionStore& session() override { return session_; }

 private:
  /// One row to be written, with all that it needs.
  struct Write {
    core::InboxId id;
    PendingChanges::Kind kind;
    std::string queue;
    MessageState state;  // its queue is not set
    MessagePtr message;
  };
  struct Batch {
    PendingChanges::Changes changes;
    std::vector<Write> writes;
    bool session_unwritten = false;  // write that too

    bool empty() const { return writes.empty() && !session_unwritten; }
  };

  SqliteInbox(const SqliteInboxOptions& options, base::Log log, Closed closed);
  base::Status load(std::unique_ptr<sqlite::Database> database) DM_REQUIRES(file_.mutex);

  core::AppendOutcome append_in_memory(std::string_view queue, IndexItem item);
  /// Of what waits to be written, that which goes along with a commit.
  Batch take_riders() DM_REQUIRES(mutex_);
  void add_writes(Batch& batch) const DM_REQUIRES(mutex_);
  Batch take_batch(std::size_t most) DM_REQUIRES(mutex_);
  void written(const Batch& batch) DM_REQUIRES(file_.mutex, mutex_);
  base::Status write(const Batch& batch) DM_REQUIRES(file_.mutex);
  base::Status write_one(const Write& write) DM_REQUIRES(file_.mutex);
  /// Takes what came in from `first` on, is not stored and will come again out of the
  /// inbox. Returns the trouble.
  const base::Status& give_back(core::InboxId first, std::vector<InboxIndex::Gone>& gone)
      DM_REQUIRES(mutex_);
  base::Result<bool> flush_some(std::size_t most) DM_REQUIRES(file_.mutex);
  base::Result<MessagePtr> read(core::InboxId id) DM_EXCLUDES(file_.mutex);
  /// Packets of QoS 2 are to be written: with the file's lock held, as they are changed.
  void session_changed() DM_REQUIRES(file_.mutex) DM_EXCLUDES(mutex_);
  /// The sessions' part could not be written.
  void session_failed(const base::Status& cause) DM_EXCLUDES(mutex_);
  /// Under mutex_, after changes_ has grown: whether to call tell().
  bool to_be_told() DM_REQUIRES(mutex_);
  void tell() const;

  const SqliteInboxOptions options_;
  const base::Log log_;
  std::function<void()> unwritten_;

  InboxFile file_;  // its mutex before mutex_
  core::InboxId ids_reserved_ DM_GUARDED_BY(file_.mutex) = 0;
  bool read_failed_ DM_GUARDED_BY(file_.mutex) = false;
  Closed closed_ DM_GUARDED_BY(file_.mutex);

  mutable base::Mutex mutex_;
  InboxIndex index_ DM_GUARDED_BY(mutex_);
  PendingChanges changes_ DM_GUARDED_BY(mutex_);
  base::Status trouble_ DM_GUARDED_BY(mutex_);  // the disk's, until a write succeeds
  bool told_ DM_GUARDED_BY(mutex_) = false;     // of changes_ not being empty
  std::size_t room_ DM_GUARDED_BY(mutex_) = 0;  // bytes given back since the trouble began
  /// From this message on commit() must see to those that are not written; 0: none.
  core::InboxId first_uncommitted_ DM_GUARDED_BY(mutex_) = 0;
  /// So it must to what is unwritten of the sessions.
  bool session_uncommitted_ DM_GUARDED_BY(mutex_) = false;

  SqliteSession session_;
};

}  // namespace dapr_mqtt::storage
