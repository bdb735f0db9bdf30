#include "storage/sqlite_inbox.h"

#include <utility>

#include "storage/open_database.h"

namespace dapr_mqtt::storage {
namespace {

using core::InboxId;
using Kind = PendingChanges::Kind;

/// Messages of QoS 0 that may be in memory only before append writes them.
constexpr std::size_t kLazyMost = 500;
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
      session_(
          file_, [this]() DM_NO_THREAD_SAFETY_ANALYSIS { session_changed(); },
          [this](const base::Status& cause) { session_failed(cause); }) {}

SqliteInbox::~SqliteInbox() { close(); }

base::Status SqliteInbox::load(std::unique_ptr<sqlite::Database> database) {
  auto table = MessageTable::make(*database);
  if (!table.ok()) return table.status();
  static_cast<void>(table.value()->free_room());  // a full disk shows soon enough
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
  const core::PacketKey packet = item.message->packet;
  if (packet.id == 0) return append_in_memory(queue, std::move(item));
  // No flush comes in between: the end of the exchange is in one transaction with the message.
  base::MutexLock disk(file_.mutex);
  file_.session.appended(packet);
  session_changed();
  return append_in_memory(queue, std::move(item));
}

void SqliteInbox::session_changed() {
  base::MutexLock lock(mutex_);
  session_uncommitted_ = true;
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

}  // namespace dapr_mqtt::storage
