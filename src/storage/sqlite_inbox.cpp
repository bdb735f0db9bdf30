#include "storage/sqlite_inbox.h"

#include <new>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "storage/open_database.h"
#include "storage/private_folder.h"

namespace dapr_mqtt::storage {
namespace {

using core::InboxId;

/// When more messages of QoS 0 than this are in memory only, append writes them.
constexpr std::size_t kMaxUnwritten = 500;
/// Likewise when all messages in memory take more than this. While the disk fails, messages of QoS 0
/// past it are dropped. More than the cache and the held messages together.
constexpr std::size_t kMostInMemory = 32U << 20U;
}  // namespace

SqliteInbox::SqliteInbox(std::string path, const SqliteInboxOptions& options, base::Log log,
                         Closed closed)
    : path_(std::move(path)),
      options_(options),
      log_(std::move(log)),
      closed_(std::move(closed)),
      index_(options.limits),
      event_ids_(folder_of(path_), options_.clocks().boot, log_),
      session_(
          file_, event_ids_, [this]() DM_NO_THREAD_SAFETY_ANALYSIS { session_changed(); },
          [this](std::size_t connection)
              DM_NO_THREAD_SAFETY_ANALYSIS { session_cleared(connection); },
          [this](const base::Status& cause) { session_failed(cause); }) {}

SqliteInbox::~SqliteInbox() { close(); }

base::Result<core::AppendOutcome> SqliteInbox::append(std::string_view queue,
                                                      core::IncomingMessage message, bool evictable,
                                                      core::Keep keep) {
  IndexItem item;
  item.bytes = message.footprint();
  item.qos = message.qos;
  item.received = message.arrival();
  item.evictable = evictable;
  // QoS 0 has no guarantee, so its write may be delayed: a message that is settled before needs no
  // write at all.
  const bool promised = item.qos != core::QoS::kAtMostOnce;
  item.at_broker = promised;
  item.message = std::make_shared<const core::IncomingMessage>(std::move(message));
  core::AppendOutcome outcome;
  std::vector<InboxIndex::Gone> gone;  // freed, and receipts given, after the lock is released
  bool many = false;
  bool notify_now = false;
  {
    base::MutexLock lock(mutex_);
    const bool much = !promised && index_.bytes_in_memory() + item.bytes > kMostInMemory;
    if (!index_.admits(item.bytes, evictable) || (much && evictable && !disk_error_.ok())) {
      outcome = index_.refused(queue, item.qos);
      gone.push_back({0, item.message, item.message->receipt});
    } else {
      item.storing = promised && index_.may_store() &&
                     (keep == core::Keep::kStore ||
                      (index_.any_keys() && index_.key_fails(queue, *item.message)) ||
                      !make_memory_for(item.bytes));
      const InboxId id = index_.next_id();
      if (item.storing && first_uncommitted_ == 0) first_uncommitted_ = id;
      const bool held = item.held();
      const bool storing = item.storing;
      if (!held) changes_.added(id);
      try {
        outcome = index_.append(id, queue, std::move(item), gone);
      } catch (const std::bad_alloc&) {
        if (!held) changes_.gone(id);
        throw;
      }
      for (const InboxIndex::Gone& g : gone) record_gone(g);
      if (storing && index_.any_keys()) store_key_of(id);
      many = !promised && disk_error_.ok() &&
             (changes_.inserts() > kMaxUnwritten || (much && changes_.inserts() > 0));
      notify_now = !promised && must_notify();  // otherwise commit() comes next
    }
  }
  for (const InboxIndex::Gone& g : gone) g.receipt.give();
  if (notify_now) notify();
  if (many) static_cast<void>(flush());  // an error is reported by the next commit()
  return outcome;
}

/// Marks the oldest held messages for storing, so that there is memory for this one; false if there
/// are none left. The oldest, since acknowledgements go out in order and all others wait for theirs.
bool SqliteInbox::make_memory_for(std::size_t bytes) {
  while (index_.held().usage.bytes + bytes > options_.cache_bytes && index_.may_store()) {
    const auto oldest = index_.store_oldest_held(index_.last_id());
    if (!oldest) return false;
    changes_.added(*oldest);
    if (first_uncommitted_ == 0 || *oldest < first_uncommitted_) first_uncommitted_ = *oldest;
  }
  return true;
}

void SqliteInbox::record_gone(const InboxIndex::Gone& gone) {
  if (!gone.held) changes_.gone(gone.id);
}

void SqliteInbox::record_change(InboxId id) {
  if (const IndexItem* item = index_.find(id); item != nullptr && !item->held()) {
    changes_.changed(id);
  }
}

std::size_t SqliteInbox::store_held(InboxId up_to) {
  std::size_t count = 0;
  bool notify_now = false;
  {
    base::MutexLock lock(mutex_);
    while (index_.may_store()) {
      const auto id = index_.store_oldest_held(up_to);
      if (!id) break;
      changes_.added(*id);
      ++count;
    }
    notify_now = must_notify();
  }
  if (notify_now) notify();
  return count;
}

void SqliteInbox::session_changed() {
  base::MutexLock lock(mutex_);
  session_uncommitted_ = true;
}

void SqliteInbox::session_cleared(std::size_t connection) {
  base::MutexLock lock(mutex_);
  last_of_ended_[connection] = index_.last_id();
}

std::optional<core::InboxEntry> SqliteInbox::take(std::string_view queue, base::WallTime now,
                                                  Order order) {
  if (order == Order::kByKey) read_keys(queue, now);
  while (true) {
    std::optional<InboxIndex::Taken> taken;
    {
      base::MutexLock lock(mutex_);
      taken = index_.take(queue, now, order);
    }
    if (!taken) return std::nullopt;
    if (!taken->message) {
      auto message = read(taken->id, Part::kAll);
      if (message.status().kind() == base::ErrorKind::kInternal) {
        give_up_damaged(taken->id);
        continue;
      }
      if (!message.ok()) {
        base::MutexLock lock(mutex_);
        index_.release(taken->id, taken->failures, now + InboxIndex::kReadAgain);
        continue;  // in ready order another message may be readable
      }
      taken->message = std::move(message).value();
    }
    if (taken->message) return core::InboxEntry{taken->id, taken->message, taken->failures};
    log_.error("message " + std::to_string(taken->id) + " is missing in the inbox's file");
    settle(taken->id);
  }
}

core::Inbox::FromMemory SqliteInbox::take_from_memory(std::string_view queue, base::WallTime now,
                                                      Order order) {
  base::MutexLock lock(mutex_);
  return index_.take_from_memory(queue, now, order);
}

void SqliteInbox::give_up_damaged(InboxId id) {
  log_.error(
      "message " + std::to_string(id) + " in " + base::quote(path_, 512) +
      " is damaged and cannot be delivered; it stays in the file. The next start checks the whole "
      "file, and sets it aside if it cannot be used");
  base::MutexLock lock(mutex_);
  any_given_up_ = true;
  static_cast<void>(index_.settle(id));
}

/// Null when there is no such row; INTERNAL when the row is damaged.
base::Result<MessagePtr> SqliteInbox::read(InboxId id, Part part) {
  base::Result<std::optional<core::IncomingMessage>> message{std::nullopt};
  bool first = false;
  bool damaged = false;
  {
    base::MutexLock disk(file_.mutex);
    if (!file_.messages) {
      message = base::cancelled("the inbox is closed");
    } else {
      message = part == Part::kAll ? file_.messages->read(id) : file_.messages->read_head(id);
    }
    first = !std::exchange(read_failed_, !message.ok()) && !message.ok();
    if (first) mark_if_damaged();
    damaged = !message.ok() && file_.database && file_.database->last_was_corrupt();
    if (message.ok() && message.value()) {
      message.value()->arrived = file_.clock.from_file(message.value()->arrival());
    }
  }
  if (first)
    log_.error("cannot read from the inbox, tried again each second: " +
               message.status().message());
  if (!message.ok())
    return damaged ? base::internal_error(message.status().message()) : message.status();
  if (!message.value()) return MessagePtr();
  return std::make_shared<const core::IncomingMessage>(*std::move(message).value());
}

void SqliteInbox::order_by(std::string_view queue, const std::optional<core::OrderKey>& key) {
  base::MutexLock lock(mutex_);
  index_.order_by(queue, key);
}

/// Reads the keys of messages that are on disk only.
void SqliteInbox::read_keys(std::string_view queue, base::WallTime now) {
  std::vector<InboxId> ids;
  {
    base::MutexLock lock(mutex_);
    ids = index_.unread(queue, now);
  }
  for (const InboxId id : ids) {
    const auto head = read(id, Part::kHead);
    base::MutexLock lock(mutex_);
    // A damaged message is given up when take() comes to it.
    const bool damaged = head.status().kind() == base::ErrorKind::kInternal;
    if (!head.ok() && !damaged) return index_.read_again(queue, now + InboxIndex::kReadAgain);
    index_.now_read(id, damaged ? nullptr : head.value().get());
  }
}

void SqliteInbox::store_key_of(InboxId id) {
  std::vector<InboxId> were_held;
  index_.store_key_of(id, were_held);
  for (const InboxId held : were_held) changes_.added(held);
}

void SqliteInbox::mark_if_damaged() const {
  if (file_.database && file_.database->corrupt()) mark_suspect(path_);
}

std::optional<base::WallTime> SqliteInbox::next_due(std::string_view queue, Order order) const {
  base::MutexLock lock(mutex_);
  return index_.next_due(queue, order);
}

void SqliteInbox::settle(InboxId id) {
  std::optional<InboxIndex::Gone> gone;
  bool notify_now = false;
  {
    base::MutexLock lock(mutex_);
    gone = index_.settle(id);
    if (!gone) return;
    record_gone(*gone);
    notify_now = must_notify();
  }
  gone->receipt.give();
  if (notify_now) notify();
}

void SqliteInbox::release(InboxId id, std::uint32_t failures, base::WallTime due) {
  bool notify_now = false;
  {
    base::MutexLock lock(mutex_);
    if (!index_.release(id, failures, due)) return;
    // A message that the app has failed must not delay the acknowledgements of later ones.
    if (due != kInItsPlace && index_.may_store()) {
      if (index_.store(id)) changes_.added(id);
      if (index_.any_keys()) store_key_of(id);
    }
    record_change(id);
    notify_now = must_notify();
  }
  if (notify_now) notify();
}

std::size_t SqliteInbox::claim(const core::TopicFilter& filter) {
  std::size_t moved = 0;
  InboxId after = 0;
  InboxId last = 0;
  for (bool first = true;; first = false) {
    std::vector<InboxId> some;
    bool more = false;
    bool notify_now = false;
    {
      base::MutexLock lock(mutex_);
      if (first) last = index_.last_id();
      more = index_.claim_some(filter, after, last, some);
      for (const InboxId id : some) record_change(id);
      notify_now = must_notify();
    }
    if (notify_now) notify();
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
    bool notify_now = false;
    {
      base::MutexLock lock(mutex_);
      if (first) last = index_.last_id();
      more = index_.discard_some(queue, after, last, gone);
      for (const InboxIndex::Gone& g : gone) record_gone(g);
      notify_now = must_notify();
    }
    for (const InboxIndex::Gone& g : gone) g.receipt.give();
    if (notify_now) notify();
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

core::HeldMessages SqliteInbox::held() const {
  base::MutexLock lock(mutex_);
  return index_.held();
}

InboxId SqliteInbox::last_id() const {
  base::MutexLock lock(mutex_);
  return index_.last_id();
}

std::optional<base::WallTime> SqliteInbox::oldest_received() const {
  base::MutexLock lock(mutex_);
  return index_.oldest_received();
}

bool SqliteInbox::full() const {
  base::MutexLock lock(mutex_);
  return index_.full();
}

bool SqliteInbox::overfull() const {
  base::MutexLock lock(mutex_);
  const core::InboxUsage held = index_.held().usage;
  return index_.full() && (held.messages >= kMostHeld || held.bytes >= kMostHeldBytes);
}

bool SqliteInbox::half_empty() const {
  base::MutexLock lock(mutex_);
  return index_.half_empty();
}

void SqliteInbox::watch(std::function<void()> unwritten) { unwritten_ = std::move(unwritten); }

bool SqliteInbox::must_notify() {
  return (!changes_.empty() || !disk_error_.ok()) && !std::exchange(notified_, true);
}

void SqliteInbox::notify() const {
  if (unwritten_) unwritten_();
}

void SqliteInbox::session_failed(const base::Status& cause) {
  bool notify_now = false;
  {
    base::MutexLock lock(mutex_);
    disk_error_ = cause;
    notify_now = must_notify();
  }
  if (notify_now) notify();
}

}  // namespace dapr_mqtt::storage
