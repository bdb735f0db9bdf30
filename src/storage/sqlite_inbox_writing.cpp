// The part of SqliteInbox that writes: commits, older changes written with them, and flush().
#include <algorithm>
#include <utility>

#include "storage/sqlite_inbox.h"

namespace dapr_mqtt::storage {
namespace {

using core::InboxId;
using Kind = PendingChanges::Kind;

/// The most older changes that are written with a commit, which must not take much longer for them.
constexpr std::size_t kMostWithCommit = 64;
/// In an inbox with more than kSmallInbox messages, a settled message is on another page than the
/// new one: each delete dirties one more page, so at least this many are batched.
constexpr std::size_t kLeastWithCommit = 16;
constexpr std::size_t kSmallInbox = 10;
/// Changes in one transaction of flush(). Bounded, since an append may have to wait for it.
constexpr std::size_t kFlushed = 500;
/// The same while the disk fails: a small transaction may succeed when a large one does not.
constexpr std::size_t kFlushedWhileFailing = 20;
/// Ids are reserved on disk in steps of this size, so that not each message needs a write for it.
constexpr InboxId kIdStep = 10'000;
/// The size of a write that tests whether a disk that failed has room again.
constexpr std::size_t kProbe = 4096;

}  // namespace

base::Status SqliteInbox::commit() {
  {
    base::MutexLock lock(mutex_);
    if (!disk_error_.ok()) return disk_error_;
    if (first_uncommitted_ == 0 && !session_uncommitted_) return {};
  }
  Receipts receipts;
  base::Status status;
  bool notify_now = false;
  {
    base::MutexLock disk(file_.mutex);
    Batch batch;
    InboxId first = 0;
    {
      base::MutexLock lock(mutex_);
      // flush() may have come first, and may have failed.
      if (!disk_error_.ok()) return disk_error_;
      first =
          std::exchange(first_uncommitted_, 0);  // an append sets it again while this one writes
      const bool messages = first != 0 && changes_.any_from(first);
      if (!messages && !session_uncommitted_) return {};
      batch = take_for_commit();
      batch.session_unwritten = session_uncommitted_;
      // In order by keys, no message may be on disk before an older one.
      if (messages && index_.any_keys()) first = std::min(first, changes_.first_insert(first));
      if (messages) changes_.take_from(first, batch.changes);
      add_writes(batch);
    }
    status = write(batch);
    if (!status.ok()) mark_if_damaged();
    base::MutexLock lock(mutex_);
    if (status.ok()) {
      written(batch, receipts);
    } else {
      changes_.put_back(batch.changes);
      disk_error_ = status;
    }
    notify_now = must_notify();
  }
  for (const core::Receipt& receipt : receipts) receipt.give();
  if (notify_now) notify();
  return status;
}

base::Result<bool> SqliteInbox::flush() {
  Receipts receipts;
  base::Result<bool> more = false;
  {
    base::MutexLock disk(file_.mutex);
    if (file_.database) more = flush_some(kFlushed, receipts);
  }
  for (const core::Receipt& receipt : receipts) receipt.give();
  return more;
}

void SqliteInbox::keep_reserve(std::size_t bytes) {
  // Between two checks of the volume only a small part of the reserve can be written.
  constexpr std::uint64_t kChecksInLog = 8;
  written_since_check_ += bytes;
  if (!share_ || (!growth_limited_ && written_since_check_ < share_->log_bytes() / kChecksInLog))
    return;
  const auto volume = size_of_volume(path_.substr(0, path_.rfind('/') + 1) + ".");
  if (!volume) return;
  const bool limited = !share_->plenty(volume->available);
  if (limited || growth_limited_) {
    const base::Status status = file_.database->limit_growth(
        limited ? std::optional(share_->room(volume->available)) : std::nullopt);
    if (!status.ok()) return;  // repeated with the next write
  }
  growth_limited_ = limited;
  written_since_check_ = 0;
}

base::Status SqliteInbox::make_room() {
  for (;;) {
    Batch batch;
    {
      base::MutexLock lock(mutex_);
      batch.changes = changes_.take_deletes(kFlushed);
      if (batch.changes.empty()) return {};
      add_writes(batch);
    }
    if (base::Status status = write(batch); !status.ok()) {
      base::MutexLock lock(mutex_);
      changes_.put_back(batch.changes);
      return status;
    }
  }
}

base::Result<bool> SqliteInbox::flush_some(std::size_t most, Receipts& receipts) {
  bool failing = false;
  {
    base::MutexLock lock(mutex_);
    failing = !disk_error_.ok();
  }
  if (failing) {
    if (base::Status status = make_room(); !status.ok()) return status;
  }
  Batch batch;
  {
    base::MutexLock lock(mutex_);
    batch = take_batch(failing ? std::min(most, kFlushedWhileFailing) : most);
    batch.session_unwritten = file_.session.has_unwritten();
    if (batch.empty() && !failing) {
      notified_ = false;
      return false;
    }
  }
  // If nothing is left to write after a failure, a probe tells whether the disk works again.
  const base::Status status = batch.empty() ? file_.messages->try_room(kProbe) : write(batch);
  if (!status.ok()) mark_if_damaged();
  base::MutexLock lock(mutex_);
  disk_error_ = status;
  if (!status.ok()) {
    changes_.put_back(batch.changes);
    return status;
  }
  written(batch, receipts);
  notified_ = !changes_.empty();
  return notified_;
}

SqliteInbox::Batch SqliteInbox::take_for_commit() {
  const bool take = index_.usage().messages <= kSmallInbox || changes_.size() >= kLeastWithCommit;
  return Batch{take ? changes_.take(kMostWithCommit) : PendingChanges::Changes(), {}};
}

SqliteInbox::Batch SqliteInbox::take_batch(std::size_t most) {
  Batch batch{changes_.take(most), {}};
  add_writes(batch);
  return batch;
}

void SqliteInbox::add_writes(Batch& batch) const {
  for (const auto& [id, kind] : batch.changes) {
    Write write{id, kind, {}, {}, nullptr};
    if (kind != Kind::kDelete) {
      const IndexItem& item = *index_.find(id);
      write.queue = item.queue->name;
      write.state = {{},
                     file_.clock.to_file(item.due),
                     item.failures,
                     item.evictable,
                     file_.clock.to_file(item.received)};
      if (kind == Kind::kInsert) {
        write.message = item.message;
        const core::PacketKey packet = item.message->packet;
        const auto ended = last_of_ended_.find(packet.connection);
        const bool is_void = ended != last_of_ended_.end() && id <= ended->second;
        // Unless the broker has released it already.
        if (item.qos == core::QoS::kExactlyOnce && !is_void && file_.session.contains(packet)) {
          write.packet = packet;
        }
      }
    }
    batch.writes.push_back(std::move(write));
  }
}

void SqliteInbox::written(const Batch& batch, Receipts& receipts) {
  if (batch.session_unwritten) {
    file_.session.written(receipts);
    session_uncommitted_ = false;
  }
  for (const Write& write : batch.writes) {
    if (write.kind != Kind::kInsert) continue;
    if (write.packet.id != 0) file_.session.stored(write.packet);
    if (core::Receipt receipt = index_.stored(write.id)) receipts.push_back(std::move(receipt));
    if (index_.bytes_in_memory() > options_.cache_bytes) index_.forget_message(write.id);
  }
}

base::Status SqliteInbox::write(const Batch& batch) {
  if (!file_.database) return base::cancelled("the inbox is closed");
  InboxId highest = 0;
  std::size_t bytes = 0;
  for (const Write& w : batch.writes) {
    if (w.kind != Kind::kInsert) continue;
    highest = std::max(highest, w.id);
    bytes += w.message->footprint();
  }
  if (bytes > 0) keep_reserve(bytes);
  const InboxId reserve = highest > ids_reserved_ ? highest + kIdStep : 0;
  const base::ClockReading time = options_.clocks();
  const bool note_time = file_.clock.note_is_due(time);
  // A single statement is a transaction by itself.
  if (batch.writes.size() == 1 && batch.writes.front().packet.id == 0 && reserve == 0 &&
      !batch.session_unwritten && !note_time) {
    return write_one(batch.writes.front());
  }
  base::Status status = file_.database->transaction([&]() DM_NO_THREAD_SAFETY_ANALYSIS {
    // First, since a removed identifier may be used again by a message of this batch.
    base::Status written;
    if (batch.session_unwritten) written = file_.session.write_unwritten(*file_.session_rows);
    for (const Write& w : batch.writes) {
      if (written.ok()) written = write_one(w);
    }
    if (written.ok() && reserve != 0) written = file_.messages->set_ids_used(reserve);
    if (written.ok() && note_time) written = file_.clock.write_note(*file_.database, time);
    return written;
  });
  if (status.ok() && reserve != 0) ids_reserved_ = reserve;
  if (status.ok() && note_time) file_.clock.noted(time);
  return status;
}

base::Status SqliteInbox::write_one(const Write& write) {
  switch (write.kind) {
    case Kind::kInsert: {
      MessageState state = write.state;
      state.queue = write.queue;
      base::Status status = file_.messages->insert(write.id, state, *write.message);
      if (status.ok() && write.packet.id != 0) status = file_.session_rows->put(write.packet);
      return status;
    }
    case Kind::kUpdate:
      return file_.messages->update(write.id, write.queue, write.state.due, write.state.failures);
    case Kind::kDelete: return file_.messages->erase(write.id);
  }
  return {};
}

void SqliteInbox::close() {
  Receipts receipts;
  Closed closed;
  bool empty = false;
  {
    base::MutexLock disk(file_.mutex);
    if (!file_.database) return;
    base::Result<bool> more = true;
    while (more.ok() && more.value()) more = flush_some(kFlushed, receipts);
    std::size_t unstored = 0;
    {
      base::MutexLock lock(mutex_);
      empty = more.ok() && !any_given_up_ &&
              index_.usage().messages == index_.held().usage.messages &&
              file_.session.nothing_stored();
      unstored = changes_.inserts();
    }
    if (unstored > 0) {
      log_.warn(std::to_string(unstored) +
                " message(s) in memory could not be stored before the end: " +
                more.status().message() + "; the broker sends those of QoS 1 and 2 again");
    }
    file_.session_rows.reset();
    file_.messages.reset();
    file_.database.reset();
    closed = std::exchange(closed_, nullptr);
  }
  for (const core::Receipt& receipt : receipts) receipt.give();
  event_ids_.close();
  if (closed) closed(empty);
}

}  // namespace dapr_mqtt::storage
