#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/inbox.h"
#include "storage/event_id_records.h"
#include "storage/inbox_file.h"
#include "storage/inbox_index.h"
#include "storage/pending_changes.h"
#include "storage/sqlite_session.h"
#include "storage/volume.h"

namespace dapr_mqtt::storage {

struct SqliteInboxOptions {
  core::InboxLimits limits;
  sqlite::DatabaseOptions database;
  /// Messages that are kept in memory as well as on disk. Those that came first stay until they are
  /// settled: the app gets them next.
  std::size_t cache_bytes = 8U << 20U;
  /// Messages that an earlier process delayed are due after this time at the latest.
  std::chrono::milliseconds longest_wait = std::chrono::hours(24 * 365);
  /// The times for take() and release() are those of ClockReading::steady.
  std::function<base::ClockReading()> clocks = base::read_clocks;
};

/// The inbox of persistent sessions: the index in memory, about 200 bytes for each
/// message, and the messages in a database file.
///
/// Two locks: the index's, held for a short time, and the file's, held for one transaction
/// (InboxFile). Calls that do disk I/O: commit, flush, close, append of QoS 0 when many of those (or
/// much) are not written, take of a message that is not in the cache, and calls of session() about
/// subscriptions. Calls of session() about packets wait for the file's lock.
class SqliteInbox final : public core::DurableInbox {
 public:
  /// Called when the files are closed; `empty`: they have no messages and no session state.
  using Closed = std::function<void(bool empty)>;

  /// A file that is damaged or no database is set aside with an error in
  /// the log, and a new one is created. The caller owns `path` (InboxFolder).
  static base::Result<std::unique_ptr<SqliteInbox>> open(const std::string& path,
                                                         const SqliteInboxOptions& options,
                                                         base::Log log, Closed closed = nullptr);
  ~SqliteInbox() override;

  base::Result<core::AppendOutcome> append(std::string_view queue, core::IncomingMessage message,
                                           bool evictable,
                                           core::Keep keep = core::Keep::kStore) override;
  base::Status commit() override;
  std::size_t store_held(core::InboxId up_to) override;
  core::InboxId last_id() const override;
  std::optional<core::InboxEntry> take(std::string_view queue, base::WallTime now,
                                       Order order) override;
  FromMemory take_from_memory(std::string_view queue, base::WallTime now, Order order) override;
  std::optional<base::WallTime> next_due(std::string_view queue, Order order) const override;
  void order_by(std::string_view queue, const std::optional<core::OrderKey>& key) override;
  void settle(core::InboxId id) override;
  void release(core::InboxId id, std::uint32_t failures, base::WallTime due) override;
  std::size_t claim(const core::TopicFilter& filter) override;
  std::size_t discard(std::string_view queue) override;
  std::size_t abandon(std::string_view queue) override;
  std::vector<std::string> queues() const override;
  core::InboxUsage usage() const override;
  core::HeldMessages held() const override;
  std::optional<base::WallTime> oldest_received() const override;
  bool full() const override;
  bool overfull() const override;
  bool half_empty() const override;

  void watch(std::function<void()> unwritten) override;
  base::Result<bool> flush() override;
  void close() override;
  core::SessionStore& session() override { return session_; }

 private:
  /// One row to be written, with its data.
  struct Write {
    core::InboxId id;
    PendingChanges::Kind kind;
    std::string queue;
    MessageState state;  // its queue is not set
    MessagePtr message;
    core::PacketKey packet{};  ///< to be written with the message; id 0: none
  };
  struct Batch {
    PendingChanges::Changes changes;
    std::vector<Write> writes;
    bool session_unwritten = false;  // write the session's changes too

    bool empty() const { return writes.empty() && !session_unwritten; }
  };
  using Receipts = std::vector<core::Receipt>;  ///< to be given when no lock is held

  SqliteInbox(std::string path, const SqliteInboxOptions& options, base::Log log, Closed closed);
  /// `corrupt` is set when it fails because the file is damaged and was not set aside.
  static base::Result<std::unique_ptr<SqliteInbox>> try_open(const std::string& path,
                                                             const SqliteInboxOptions& options,
                                                             const base::Log& log,
                                                             const Closed& closed, bool& corrupt);
  base::Status load(std::unique_ptr<sqlite::Database> database) DM_REQUIRES(file_.mutex);

  /// Takes some older changes to be written together with a commit.
  Batch take_for_commit() DM_REQUIRES(mutex_);
  void add_writes(Batch& batch) const DM_REQUIRES(file_.mutex, mutex_);
  Batch take_batch(std::size_t most) DM_REQUIRES(file_.mutex, mutex_);
  void written(const Batch& batch, Receipts& receipts) DM_REQUIRES(file_.mutex, mutex_);
  base::Status write(const Batch& batch) DM_REQUIRES(file_.mutex);
  /// To be called before messages of this size are written: limits the growth of the file, so that
  /// messages do not use the reserve of the volume.
  void keep_reserve(std::size_t bytes) DM_REQUIRES(file_.mutex);
  /// Writes all deletes, which may succeed on a full disk.
  base::Status make_room() DM_REQUIRES(file_.mutex);
  base::Status write_one(const Write& write) DM_REQUIRES(file_.mutex);
  base::Result<bool> flush_some(std::size_t most, Receipts& receipts) DM_REQUIRES(file_.mutex);
  /// Records that the message's row must be updated, unless it is held and so has no row.
  void record_change(core::InboxId id) DM_REQUIRES(mutex_);
  /// Records that the message's row must be deleted, likewise.
  void record_gone(const InboxIndex::Gone& gone) DM_REQUIRES(mutex_);
  bool make_memory_for(std::size_t bytes) DM_REQUIRES(mutex_);
  /// To be called after a failure: if the file is damaged, the next start checks all of it.
  void mark_if_damaged() const DM_REQUIRES(file_.mutex);
  enum class Part { kAll, kHead };
  base::Result<MessagePtr> read(core::InboxId id, Part part) DM_EXCLUDES(file_.mutex);
  void read_keys(std::string_view queue, base::WallTime now) DM_EXCLUDES(file_.mutex, mutex_);
  /// Marks all held messages of this message's key for storing: otherwise, after a crash, the
  /// broker would send these older ones after those on disk.
  void store_key_of(core::InboxId id) DM_REQUIRES(mutex_);
  /// Removes a message that cannot be read from the index. Its row stays, so that the file can be
  /// repaired.
  void give_up_damaged(core::InboxId id);
  /// Packet identifiers of QoS 2 must be removed from the disk.
  void session_changed() DM_REQUIRES(file_.mutex) DM_EXCLUDES(mutex_);
  /// The packet identifiers of the connection's messages are void: its next session uses them again.
  void session_cleared(std::size_t connection) DM_REQUIRES(file_.mutex) DM_EXCLUDES(mutex_);
  /// A change of the sessions could not be written.
  void session_failed(const base::Status& cause) DM_EXCLUDES(mutex_);
  /// Under mutex_, after changes_ has grown: whether to call notify().
  bool must_notify() DM_REQUIRES(mutex_);
  void notify() const;

  const std::string path_;
  const SqliteInboxOptions options_;
  const base::Log log_;
  std::function<void()> unwritten_;

  InboxFile file_;  // its mutex is taken before mutex_
  core::InboxId ids_reserved_ DM_GUARDED_BY(file_.mutex) = 0;
  bool read_failed_ DM_GUARDED_BY(file_.mutex) = false;
  Closed closed_ DM_GUARDED_BY(file_.mutex);
  std::optional<VolumeShare> share_ DM_GUARDED_BY(file_.mutex);  // none: not known
  /// Bytes of messages since keep_reserve() last read the size of the volume.
  std::size_t written_since_check_ DM_GUARDED_BY(file_.mutex) = 0;
  bool growth_limited_ DM_GUARDED_BY(file_.mutex) = false;

  mutable base::Mutex mutex_;
  InboxIndex index_ DM_GUARDED_BY(mutex_);
  PendingChanges changes_ DM_GUARDED_BY(mutex_);
  base::Status disk_error_ DM_GUARDED_BY(mutex_);  // until a write succeeds
  bool notified_ DM_GUARDED_BY(mutex_) = false;    // that there is something to flush
  /// commit() must write the unwritten messages from this one on; 0: none.
  core::InboxId first_uncommitted_ DM_GUARDED_BY(mutex_) = 0;
  /// commit() must write the sessions' changes too.
  bool session_uncommitted_ DM_GUARDED_BY(mutex_) = false;
  /// By connection: its last message from a session that has ended.
  std::map<std::size_t, core::InboxId> last_of_ended_ DM_GUARDED_BY(mutex_);
  bool any_given_up_ DM_GUARDED_BY(mutex_) = false;  // see give_up_damaged

  EventIdFolder event_ids_;
  SqliteSession session_;
};

}  // namespace dapr_mqtt::storage
