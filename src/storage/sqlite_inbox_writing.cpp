// What SqliteInbox writes, and when: commits, what rides along with them, and the rest.
#include <algorithm>
#include <utility>

#include "storage/sqlite_inbox.h"

namespace dapr_mqtt::storage {
namespace {

using core::InboxId;
using Kind = PendingChanges::Kind;

/// Changes that ride along with a commit: it must not take much longer for it.
constexpr std::size_t kRiding = 64;
/// With more messages in it, what was settled lies on another page than the new
/// message, so that each ride writes a page more: for so many at a time, then.
constexpr std::size_t kRidingLeast = 16;
constexpr std::size_t kMany = 10;
/// In one transaction of flush(), which an append may have to wait for.
constexpr std::size_t kFlushed = 500;
/// Ids are reserved on disk in steps, to spare a write each time.
constexpr InboxId kIdStep = 10'000;
/// What came in is tried for its room on the disk up to this.
constexpr std::size_t kMostRoom = 16U << 20U;

}  // namespace

base::Status SqliteInbox::commit() {
  std::vector<InboxIndex::Gone> gone;  // freed after the locks
  {
    base::MutexLock lock(mutex_);
    if (!trouble_.ok()) return give_back(std::exchange(first_uncommitted_, 0), gone);
    if (first_uncommitted_ == 0 && !session_uncommitted_) return {};
  }
  base::Status status;
  bool news = false;
  {
    base::MutexLock disk(file_.mutex);
    Batch batch;
    InboxId first = 0;
    {
      base::MutexLock lock(mutex_);
      first = std::exchange(first_uncommitted_, 0);
      // flush() may have been quicker, and may have failed.
      if (!trouble_.ok()) return give_back(first, gone);
      const bool messages = first != 0 && changes_.any_from(first);
      if (!messages && !session_uncommitted_) return {};
      batch = take_riders();
      batch.session_unwritten = session_uncommitted_;
      if (messages) changes_.take_from(first, batch.changes);
      add_writes(batch);
    }
    status = write(batch);
    base::MutexLock lock(mutex_);
    if (status.ok()) {
      written(batch);
    } else {
      changes_.put_back(batch.changes);
      trouble_ = status;
      give_back(first, gone);
    }
    news = to_be_told();
  }
  if (news) tell();
  return status;
}

const base::Status& SqliteInbox::give_back(InboxId first, std::vector<InboxIndex::Gone>& gone) {
  if (first == 0) return trouble_;
  for (const InboxId id : changes_.inserts_from(first)) {
    const IndexItem& item = *index_.find(id);
    // QoS 0 comes but once, QoS 2 is known by its identifier when it comes again.
    if (item.qos != core::QoS::kAtLeastOnce || item.taken || item.failures > 0) continue;
    room_ = std::min(room_ + item.bytes, kMostRoom);
    gone.push_back(*index_.remove(id));
    changes_.gone(id);
  }
  return trouble_;
}

base::Result<bool> SqliteInbox::flush() {
  base::MutexLock disk(file_.mutex);
  if (!file_.database) return false;
  return flush_some(kFlushed);
}

base::Result<bool> SqliteInbox::flush_some(std::size_t most) {
  Batch batch;
  bool failing = false;
  std::size_t room = 0;
  {
    base::MutexLock lock(mutex_);
    const bool session_unwritten = file_.session.has_unwritten();
    // A packet and its message are written together: all, then.
    batch = take_batch(session_unwritten ? changes_.size() : most);
    batch.session_unwritten = session_unwritten;
    failing = !trouble_.ok();
    room = room_;
    if (batch.empty() && !failing) {
      told_ = false;
      return false;
    }
  }
  const base::Status status = batch.empty() ? base::Status() : write(batch);
  // All that failed may be settled or given back by now: does the disk work again, and does
  // it take what was given back?
  const base::Status works = status.ok() && failing ? file_.messages->try_room(room) : status;
  base::MutexLock lock(mutex_);
  trouble_ = works;
  if (status.ok()) {
    written(batch);
  } else {
    changes_.put_back(batch.changes);
  }
  if (!works.ok()) return works;
  room_ = 0;
  told_ = !changes_.empty();
  return told_;
}

SqliteInbox::Batch SqliteInbox::take_riders() {
  const bool ride = index_.usage().messages <= kMany || changes_.size() >= kRidingLeast;
  return Batch{ride ? changes_.take(kRiding) : PendingChanges::Changes(), {}};
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
      write.state = {{}, item.due, item.failures, item.evictable};
      if (kind == Kind::kInsert) write.message = item.message;
    }
    batch.writes.push_back(std::move(write));
  }
}

void SqliteInbox::written(const Batch& batch) {
  if (batch.session_unwritten) {
    file_.session.written();
    session_uncommitted_ = false;
  }
  for (const auto& [id, kind] : batch.changes) {
    if (kind == Kind::kInsert && index_.bytes_in_memory() > options_.cache_bytes) {
      index_.forget_message(id);
    }
  }
}

base::Status SqliteInbox::write(const Batch& batch) {
  if (!file_.database) return base::cancelled("the inbox is closed");
  InboxId highest = 0;
  for (const Write& w : batch.writes) {
    if (w.kind == Kind::kInsert) highest = std::max(highest, w.id);
  }
  const InboxId reserve = highest > ids_reserved_ ? highest + kIdStep : 0;
  // One statement is a transaction by itself.
  if (batch.writes.size() == 1 && reserve == 0 && !batch.session_unwritten) {
    return write_one(batch.writes.front());
  }
  const base::Status status = file_.database->transaction([&]() DM_NO_THREAD_SAFETY_ANALYSIS {
    for (const Write& w : batch.writes) {
      if (base::Status failed = write_one(w); !failed.ok()) return failed;
    }
    base::Status rest;
    if (batch.session_unwritten) rest = file_.session.write_unwritten(*file_.session_rows);
    if (rest.ok() && reserve != 0) rest = file_.messages->set_ids_used(reserve);
    return rest;
  });
  if (status.ok() && reserve != 0) ids_reserved_ = reserve;
  return status;
}

base::Status SqliteInbox::write_one(const Write& write) {
  switch (write.kind) {
    case Kind::kInsert: {
      MessageState state = write.state;
      state.queue = write.queue;
      return file_.messages->insert(write.id, state, *write.message);
    }
    case Kind::kUpdate:
      return file_.messages->update(write.id, write.queue, write.state.due, write.state.failures);
    case Kind::kDelete: return file_.messages->erase(write.id);
  }
  return {};
}

void SqliteInbox::close() {
  base::MutexLock disk(file_.mutex);
  if (!file_.database) return;
  base::Result<bool> more = true;
  while (more.ok() && more.value()) more = flush_some(kFlushed);
  bool empty = false;
  std::size_t unstored = 0;
  {
    base::MutexLock lock(mutex_);
    empty = more.ok() && index_.usage().messages == 0 && file_.session.empty();
    unstored = changes_.inserts();
  }
  if (unstored > 0) {
    log_.warn(std::to_string(unstored) + " message(s) in memory could not be stored before the end: " +
              more.status().message() + "; the broker sends those of QoS 1 and 2 again");
  }
  file_.session_rows.reset();
  file_.messages.reset();
  file_.database.reset();
  if (closed_) std::exchange(closed_, nullptr)(empty);
}

}  // namespace dapr_mqtt::storage
