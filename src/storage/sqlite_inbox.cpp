#include "storage/sqlite_inbox.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "storage/open_database.h"

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
/// Messages of QoS 0 that may be in memory only before append writes them.
constexpr std::size_t kLazyMost = 500;
/// Ids are reserved on disk in steps, to spare a write each time.
constexpr InboxId kIdStep = 10'000;
/// Until a message that could not be read is tried again.
constexpr std::chrono::seconds kReadAgain{1};

}  // namespace

base::Result<std::unique_ptr<SqliteInbox>> SqliteInbox::open(const std::string& path,
                                                             const SqliteInboxOptions& options,
                                                             base::Log log, Closed closed) {
  auto database = open_database(path, options.database, log);
  if (!database.ok()) return database.status();
  std::unique_ptr<SqliteInbox> inbox(new SqliteInbox(options, std::move(log), std::move(closed)));
  base::MutexLock disk(inbox->file_.mutex);
  if (base::Status status = inbox->load(std::move(database).value()); !status.ok()) return status;
  return inbox;
}

SqliteInbox::SqliteInbox(const SqliteInboxOptions& options, base::Log log, Closed closed)
    : options_(options),
      log_(std::move(log)),
      closed_(std::move(closed)),
      index_(options.limits),
      session_(file_, [this](const base::Status& cause) { session_failed(cause); }) {}

SqliteInbox::~SqliteInbox() { close(); }

base::Status SqliteInbox::load(std::unique_ptr<sqlite::Database> database) {
  auto table = MessageTable::make(*database);
  if (!table.ok()) return table.status();
  const auto ids = table.value()->ids_used();
  if (!ids.ok()) return ids.status();
  base::MutexLock lock(mutex_);
  index_.skip_ids(ids.value());
  ids_reserved_ = ids.value();
  const base::Status loaded = table.value()->load([this](const StoredMessage& stored)
                                                      DM_NO_THREAD_SAFETY_ANALYSIS {
    IndexItem item;
    item.bytes = stored.bytes;
    item.due = stored.state.due;
    item.received = stored.received;
    item.failures = stored.state.failures;
    item.qos = stored.qos;
    item.evictable = stored.state.evictable;
    if (stored.state.queue == kUnclaimed) {
      item.topic = std::make_unique<const std::string>(stored.topic);
    }
    index_.restore(stored.id, stored.state.queue, std::move(item));
  });
  if (!loaded.ok()) return loaded;
  auto session = SessionTable::make(*database);
  if (!session.ok()) return session.status();
  if (base::Status status = file_.session.load(*session.value()); !status.ok()) return status;
  file_.database = std::move(database);
  file_.messages = std::move(table).value();
  file_.session_rows = std::move(session).value();
  return {};
}

base::Result<core::AppendOutcome> SqliteInbox::append(std::string_view queue,
                                                      core::IncomingMessage message,
                                                      bool evictable) {
  IndexItem item;
  item.bytes = message.footprint();
  item.qos = message.qos;
  item.received = message.received;
  item.evictable = evictable;
  item.message = std::make_shared<const core::IncomingMessage>(std::move(message));
  // What ends an exchange of QoS 2 is in one transaction with the message.
  return item.qos == core::QoS::kExactlyOnce ? append_safely(queue, std::move(item))
                                             : append_in_memory(queue, std::move(item));
}

core::AppendOutcome SqliteInbox::append_in_memory(std::string_view queue, IndexItem item) {
  core::AppendOutcome outcome;
  std::vector<InboxIndex::Gone> gone;
  bool many = false;
  bool news = false;
  {
    base::MutexLock lock(mutex_);
    if (!index_.admits(item.bytes, item.evictable)) return index_.refused(queue, item.qos);
    const InboxId id = index_.next_id();
    // MQTT promises nothing for QoS 0: one that is settled soon spares the disk.
    const bool promised = item.qos != core::QoS::kAtMostOnce;
    if (promised && first_uncommitted_ == 0) first_uncommitted_ = id;
    outcome = index_.append(id, queue, std::move(item), gone);
    changes_.added(id);
    for (const InboxIndex::Gone& g : gone) changes_.gone(g.id);
    many = !promised && changes_.inserts() > kLazyMost && trouble_.ok();
    news = !promised && to_be_told();  // else commit() comes next
  }
  if (news) tell();
  if (many) static_cast<void>(flush());  // trouble is for those who asked to be kept
  return outcome;
}

core::AppendOutcome SqliteInbox::append_safely(std::string_view queue, IndexItem item) {
  core::AppendOutcome outcome;
  std::vector<InboxIndex::Gone> gone;
  const core::PacketKey packet = item.message->packet;
  InboxId id = 0;
  base::Status status;
  bool news = false;
  {
    base::MutexLock disk(file_.mutex);
    Batch batch;
    {
      base::MutexLock lock(mutex_);
      if (!index_.admits(item.bytes, item.evictable)) return index_.refused(queue, item.qos);
      id = index_.next_id();
      status = trouble_;  // while it lasts, flush() tries, and nobody waits
      if (status.ok()) {
        batch = take_riders();
        add_writes(batch);
      }
    }
    if (status.ok()) {
      MessageState state;
      state.evictable = item.evictable;
      batch.writes.push_back({id, Kind::kInsert, std::string(queue), state, item.message});
      batch.packet = packet;
      status = write(batch);
    }
    if (packet.id != 0) file_.session.appended(packet, status.ok());
    base::MutexLock lock(mutex_);
    outcome = index_.append(id, queue, std::move(item), gone);
    if (status.ok()) {
      written(batch);
      if (index_.bytes_in_memory() > options_.cache_bytes) index_.forget_message(id);
    } else {
      changes_.put_back(batch.changes);
      changes_.added(id);
      trouble_ = status;
    }
    for (const InboxIndex::Gone& g : gone) changes_.gone(g.id);
    news = to_be_told();
  }
  if (news) tell();
  return outcome;
}

base::Status SqliteInbox::commit() {
  std::vector<InboxIndex::Gone> gone;  // freed after the locks
  {
    base::MutexLock lock(mutex_);
    if (!trouble_.ok()) return give_back(std::exchange(first_uncommitted_, 0), gone);
    if (first_uncommitted_ == 0) return {};
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
      if (first == 0 || !changes_.any_from(first)) return {};
      batch = take_riders();
      changes_.take_from(first, batch.changes);
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
    gone.push_back(*index_.remove(id));
    changes_.gone(id);
  }
  return trouble_;
}

std::optional<core::InboxEntry> SqliteInbox::take(std::string_view queue, base::WallTime now,
                                                  Order order) {
  while (true) {
    std::optional<InboxIndex::Taken> taken;
    {
      base::MutexLock lock(mutex_);
      taken = index_.take(queue, now, order);
    }
    if (!taken) return std::nullopt;
    if (!taken->message) {
      auto message = read(taken->id);
      if (!message.ok()) {
        base::MutexLock lock(mutex_);
        index_.release(taken->id, taken->failures, now + kReadAgain);
        continue;  // in ready order another may be readable
      }
      taken->message = std::move(message).value();
    }
    if (taken->message) return core::InboxEntry{taken->id, taken->message, taken->failures};
    log_.error("message " + std::to_string(taken->id) + " is missing in the inbox's file");
    settle(taken->id);
  }
}

/// Null when there is no such row.
base::Result<MessagePtr> SqliteInbox::read(InboxId id) {
  base::Result<std::optional<core::IncomingMessage>> message{std::nullopt};
  bool first = false;
  {
    base::MutexLock disk(file_.mutex);
    message = file_.messages ? file_.messages->read(id) : base::cancelled("the inbox is closed");
    first = !std::exchange(read_failed_, !message.ok()) && !message.ok();
  }
  if (first) log_.error("cannot read from the inbox, tried again each second: " + message.status().message());
  if (!message.ok()) return message.status();
  if (!message.value()) return MessagePtr();
  return std::make_shared<const core::IncomingMessage>(*std::move(message).value());
}

std::optional<base::WallTime> SqliteInbox::next_due(std::string_view queue, Order order) const {
  base::MutexLock lock(mutex_);
  return index_.next_due(queue, order);
}

void SqliteInbox::settle(InboxId id) {
  std::optional<InboxIndex::Gone> gone;
  bool news = false;
  {
    base::MutexLock lock(mutex_);
    gone = index_.settle(id);
    if (!gone) return;
    changes_.gone(id);
    news = to_be_told();
  }
  if (news) tell();
}

void SqliteInbox::release(InboxId id, std::uint32_t failures, base::WallTime due) {
  bool news = false;
  {
    base::MutexLock lock(mutex_);
    if (!index_.release(id, failures, due)) return;
    changes_.changed(id);
    news = to_be_told();
  }
  if (news) tell();
}

std::size_t SqliteInbox::claim(const core::TopicFilter& filter) {
  std::size_t moved = 0;
  InboxId after = 0;
  InboxId last = 0;
  for (bool first = true;; first = false) {
    std::vector<InboxId> some;
    bool more = false;
    bool news = false;
    {
      base::MutexLock lock(mutex_);
      if (first) last = index_.last_id();
      more = index_.claim_some(filter, after, last, some);
      for (const InboxId id : some) changes_.changed(id);
      news = to_be_told();
    }
    if (news) tell();
    moved += some.size();
    if (!more) return moved;
  }
}

std::size_t SqliteInbox::discard(std::string_view queue) {
  std::size_t dropped = 0;
  InboxId after = 0;
  InboxId last = 0;
  for (bool first = true;; first = false) {
    std::vector<InboxIndex::Gone> gone;
    bool more = false;
    bool news = false;
    {
      base::MutexLock lock(mutex_);
      if (first) last = index_.last_id();
      more = index_.discard_some(queue, after, last, gone);
      for (const InboxIndex::Gone& g : gone) changes_.gone(g.id);
      news = to_be_told();
    }
    if (news) tell();
    dropped += gone.size();
    if (!more) return dropped;
  }
}

std::size_t SqliteInbox::abandon(std::string_view queue) {
  std::size_t count = 0;
  InboxId after = 0;
  InboxId last = 0;
  bool more = true;
  for (bool first = true; more; first = false) {
    base::MutexLock lock(mutex_);
    if (first) last = index_.last_id();
    more = index_.abandon_some(queue, after, last, count);
  }
  return count;
}

std::vector<std::string> SqliteInbox::queues() const {
  base::MutexLock lock(mutex_);
  return index_.queues();
}

core::InboxUsage SqliteInbox::usage() const {
  base::MutexLock lock(mutex_);
  return index_.usage();
}

std::optional<base::WallTime> SqliteInbox::oldest_received() const {
  base::MutexLock lock(mutex_);
  return index_.oldest_received();
}

bool SqliteInbox::full() const {
  base::MutexLock lock(mutex_);
  return index_.full();
}

bool SqliteInbox::half_empty() const {
  base::MutexLock lock(mutex_);
  return index_.half_empty();
}

void SqliteInbox::watch(std::function<void()> unwritten) { unwritten_ = std::move(unwritten); }

bool SqliteInbox::to_be_told() {
  return (!changes_.empty() || !trouble_.ok()) && !std::exchange(told_, true);
}

void SqliteInbox::tell() const {
  if (unwritten_) unwritten_();
}

void SqliteInbox::session_failed(const base::Status& cause) {
  bool news = false;
  {
    base::MutexLock lock(mutex_);
    trouble_ = cause;
    news = to_be_told();
  }
  if (news) tell();
}

base::Result<bool> SqliteInbox::flush() {
  base::MutexLock disk(file_.mutex);
  if (!file_.database) return false;
  return flush_some(kFlushed);
}

base::Result<bool> SqliteInbox::flush_some(std::size_t most) {
  Batch batch;
  bool probe = false;
  {
    base::MutexLock lock(mutex_);
    batch = take_batch(most);
    batch.session_unwritten = file_.session.has_unwritten();
    const bool nothing = batch.writes.empty() && !batch.session_unwritten;
    probe = nothing && !trouble_.ok();
    if (nothing && !probe) {
      told_ = false;
      return false;
    }
  }
  // All that failed may be settled by now: does the disk work again? (A value
  // that is there already would not be written.)
  base::Status status = probe ? file_.messages->set_ids_used(++ids_reserved_) : write(batch);
  if (status.ok() && batch.session_unwritten) file_.session.written();
  base::MutexLock lock(mutex_);
  trouble_ = status;
  if (!status.ok()) {
    changes_.put_back(batch.changes);
    return status;
  }
  written(batch);
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
  if (batch.writes.size() == 1 && reserve == 0 && batch.packet.id == 0 &&
      !batch.session_unwritten) {
    return write_one(batch.writes.front());
  }
  const base::Status status = file_.database->transaction([&]() DM_NO_THREAD_SAFETY_ANALYSIS {
    for (const Write& w : batch.writes) {
      if (base::Status failed = write_one(w); !failed.ok()) return failed;
    }
    base::Status rest;
    if (batch.packet.id != 0) {
      rest = file_.session.write_appended(*file_.session_rows, batch.packet);
    }
    if (rest.ok() && batch.session_unwritten) {
      rest = file_.session.write_unwritten(*file_.session_rows);
    }
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
