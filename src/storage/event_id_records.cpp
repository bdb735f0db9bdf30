#include "storage/event_id_records.h"

#include <charconv>
#include <chrono>
#include <filesystem>
#include <functional>
#include <random>
#include <system_error>
#include <utility>

#include "storage/bounds.h"

namespace dapr_mqtt::storage {
namespace {

std::uint64_t random_number() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32U) | device();
}

/// A hash of what is equal each time the broker sends the message: not its expiry, which counts
/// down. The C++ library's hash is fast. If another version of the library gives other values, only
/// the event IDs of messages that are in flight at that moment change.
std::uint64_t fingerprint_of(const core::IncomingMessage& message) {
  const std::hash<std::string_view> hash;
  std::uint64_t all = 0;
  const auto add = [&](std::uint64_t value) {
    all = (all ^ value) * 0xff51'afd7'ed55'8ccd;
    all ^= all >> 32U;
  };
  add(static_cast<std::uint64_t>(core::to_int(message.qos)));
  add(hash(message.topic));
  add(hash(message.payload));
  add(message.full_size);
  if (message.properties) {
    add(hash(message.properties->content_type));
    add(hash(message.properties->response_topic));
    add(hash(message.properties->correlation_data));
    for (const auto& [name, value] : message.properties->user_properties) {
      add(hash(name));
      add(hash(value));
    }
  }
  return all;
}

}  // namespace

EventIdRecords::EventIdRecords(std::string path, std::uint64_t boot, base::Log log)
    : log_(std::move(log)), file_(std::move(path), boot), last_seed_(random_number()) {}

void EventIdRecords::load() {
  base::MutexLock lock(mutex_);
  const EventIdFile::Loaded loaded = file_.load();
  if (!loaded.rejected.ok()) {
    log_.info("CloudEvents of messages that the broker sends again get new IDs: " +
              loaded.rejected.message());
  }
  slots_ = static_cast<std::uint32_t>(loaded.slots.size());
  for (std::uint32_t slot = 0; slot < slots_; ++slot) {
    const EventIdRecord& record = loaded.slots[slot];
    if (record.packet == 0) {
      free_.push_back(slot);
    } else {
      open_.insert_or_assign(record.packet, Open{slot, record});
    }
  }
  any_ = !open_.empty();
}

void EventIdRecords::received(core::IncomingMessage& message, bool makes_events) {
  base::MutexLock lock(mutex_);
  const auto found = open_.find(message.packet.id);
  if (found == open_.end()) {
    if (makes_events) record(message, fingerprint_of(message));
    return;
  }
  const std::uint64_t fingerprint = fingerprint_of(message);
  const EventIdRecord& known = found->second.record;
  if (message.duplicate && known.fingerprint == fingerprint) {
    message.event_seed = known.seed;
    message.received = base::WallTime(std::chrono::milliseconds(known.received));
    return;
  }
  // The identifier now belongs to another message: the old record is void.
  erased_.assign({found->second.slot});
  open_.erase(found);
  erase(erased_);
  if (makes_events) record(message, fingerprint);
}

void EventIdRecords::record(core::IncomingMessage& message, std::uint64_t fingerprint) {
  if (closed_) return;
  const bool more = free_.empty();
  const std::uint32_t slot = more ? slots_ : free_.front();
  if (++last_seed_ == 0) ++last_seed_;
  const EventIdRecord record{message.packet.id, fingerprint,
                             message.received.time_since_epoch().count(), last_seed_};
  const auto [place, is_new] = open_.try_emplace(record.packet, Open{slot, record});
  if (const base::Status status = file_.write(slot, record); !status.ok()) {
    open_.erase(place);
    report(status);
    return;
  }
  any_ = true;
  more ? static_cast<void>(++slots_) : free_.pop_front();
  message.event_seed = record.seed;
}

void EventIdRecords::acknowledging(const std::vector<Id>& ids) {
  base::MutexLock lock(mutex_);
  if (open_.empty()) {
    any_ = false;
    return;
  }
  erased_.clear();
  erased_.reserve(ids.size());
  for (const Id id : ids) {
    const auto found = open_.find(id);
    if (found == open_.end()) continue;
    erased_.push_back(found->second.slot);
    open_.erase(found);
  }
  erase(erased_);
  any_ = !open_.empty();
}

/// Empties these slots on disk, after which they are free.
void EventIdRecords::erase(const std::vector<std::uint32_t>& slots) {
  for (std::size_t begin = 0; begin < slots.size();) {
    std::uint32_t count = 1;
    while (begin + count < slots.size() && slots[begin + count] == slots[begin] + count) ++count;
    if (const base::Status status = file_.erase(slots[begin], count); !status.ok()) {
      // Otherwise a later message with the same identifier and content could be mistaken for this
      // one.
      report(status);
      forget_all();
      return;
    }
    begin += count;
  }
  free_.insert(free_.end(), slots.begin(), slots.end());
}

void EventIdRecords::forget_all() {
  open_.clear();
  free_.clear();
  slots_ = 0;
  if (const base::Status status = file_.remove(); !status.ok()) report(status);
}

void EventIdRecords::report(const base::Status& failure) {
  if (const auto line = warnings_.pass(
          "disk",
          failure.message() +
              ": CloudEvents of messages that the broker sends again after a restart get new IDs",
          std::chrono::steady_clock::now())) {
    log_.warn(*line);
  }
}

void EventIdRecords::clear() {
  base::MutexLock lock(mutex_);
  if (!closed_ && slots_ > 0) forget_all();
  any_ = !open_.empty();
}

void EventIdRecords::close() {
  base::MutexLock lock(mutex_);
  if (std::exchange(closed_, true)) return;
  if (open_.empty()) {
    forget_all();
  } else {
    file_.close();
  }
  open_.clear();
  any_ = false;
}

EventIdFolder::EventIdFolder(std::string folder, std::uint64_t boot, base::Log log)
    : folder_(std::move(folder)), boot_(boot), log_(std::move(log)) {}

std::string EventIdFolder::path_of(std::size_t connection) const {
  return folder_ + "/" + std::string(kPrefix) + std::to_string(connection);
}

void EventIdFolder::load() {
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder_, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    std::size_t connection = 0;
    const char* const last = name.data() + name.size();
    const auto [stopped, problem] = std::from_chars(name.data() + kPrefix.size(), last, connection);
    const bool ours = problem == std::errc() && stopped == last && connection < kMostConnections;
    if (!ours) continue;
    at(connection).load();
  }
}

EventIdRecords& EventIdFolder::at(std::size_t connection) {
  base::MutexLock lock(mutex_);
  std::unique_ptr<EventIdRecords>& made = records_[connection];
  if (!made) made = std::make_unique<EventIdRecords>(path_of(connection), boot_, log_);
  return *made;
}

void EventIdFolder::close() {
  base::MutexLock lock(mutex_);
  for (const auto& [connection, records] : records_) records->close();
}

}  // namespace dapr_mqtt::storage
