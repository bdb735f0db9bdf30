#include "dapr_mqtt/packets/ack_ledger.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "dapr_mqtt/packets/packet_filter.h"

namespace dapr_mqtt::packets {
namespace {

/// The upper bits of a receipt number say what the receipt is for.
constexpr std::uint64_t kReleaseBit = 1ULL << 63U;
constexpr std::uint64_t kClearingBit = 1ULL << 62U;

}  // namespace

void AckLedger::connecting(std::function<void()> due) {
  auto watcher = due ? std::make_shared<const std::function<void()>>(std::move(due)) : nullptr;
  base::MutexLock lock(mutex_);
  watcher_ = std::move(watcher);
  connected_ = false;
}

core::Receipt AckLedger::receipt(std::uint64_t number) { return {shared_from_this(), number}; }

std::uint64_t AckLedger::content_of(const core::IncomingMessage& message) {
  const std::hash<std::string_view> hash;
  // Skipped bytes of a payload that is too large are represented by full_size.
  return hash(message.payload) ^ (hash(message.topic) * 31) ^ message.full_size;
}

base::Status AckLedger::connected(bool session_present) {
  std::uint64_t clearing = 0;
  {
    base::MutexLock lock(mutex_);
    connected_ = true;
    first_release_ += releases_.size();  // the broker sends PUBREL again
    releases_.clear();
    if (session_present) {
      for (const Arrival& arrival : arrivals_) {
        if (arrival.refused) continue;
        former_.insert_or_assign(arrival.number, Former{arrival});
        former_ids_.insert_or_assign(arrival.id, arrival.number);
      }
    } else {
      former_.clear();
      former_ids_.clear();
    }
    first_arrival_ += arrivals_.size();
    arrivals_.clear();
    if (session_present) return {};
    clearing = clearing_ = ++last_clearing_;
  }
  return packets_.clear(receipt(kClearingBit | clearing));
}

bool AckLedger::waits_for_commit() const {
  base::MutexLock lock(mutex_);
  return clearing_ != 0;
}

bool AckLedger::received(core::IncomingMessage& message) {
  if (message.qos == core::QoS::kAtMostOnce) return true;
  Arrival arrival;
  arrival.id = message.packet.id;
  arrival.kind = message.qos == core::QoS::kAtLeastOnce ? Kind::kPuback : Kind::kPubrec;
  arrival.content = content_of(message);
  // Without DUP the message is sent for the first time (MQTT-3.3.1-1), even if its identifier is
  // still recorded: a power cut can lose the record of a PUBREL.
  const bool known =
      arrival.kind == Kind::kPubrec && message.duplicate && packets_.contains(arrival.id);
  {
    base::MutexLock lock(mutex_);
    if (sent_again(arrival, message.duplicate)) return false;
    if (message.duplicate && is_open(arrival)) return false;
    arrival.number = next_place();
    if (known) arrival.receipts = 0;
    arrivals_.push_back(arrival);
  }
  if (known) return false;
  if (arrival.kind == Kind::kPubrec) packets_.put(arrival.id);
  message.receipt = receipt(arrival.number);
  return true;
}

/// Whether the message came on an earlier connection; if so, gives it a place on this one.
bool AckLedger::sent_again(const Arrival& arrival, bool duplicate) {
  const auto found = former_ids_.find(arrival.id);
  if (found == former_ids_.end()) return false;
  Former& former = former_.at(found->second);
  // At QoS 2 the identifier is enough. At QoS 1 some brokers assign new identifiers on each
  // connection.
  const bool same = duplicate && former.arrival.kind == arrival.kind &&
                    (arrival.kind == Kind::kPubrec || former.arrival.content == arrival.content);
  if (same) {
    former.sent_again_at = next_place();
    arrivals_.push_back(former.arrival);
  } else {
    former_.erase(found->second);  // the identifier means another message now
  }
  former_ids_.erase(found);
  return same;
}

/// Whether the broker sends a message again although the connection has not broken.
bool AckLedger::is_open(const Arrival& arrival) const {
  return std::any_of(arrivals_.begin(), arrivals_.end(), [&](const Arrival& open) {
    return open.id == arrival.id && open.kind == arrival.kind &&
           (arrival.kind == Kind::kPubrec || open.content == arrival.content);
  });
}

void AckLedger::refused(core::QoS qos, std::uint16_t id) {
  if (qos == core::QoS::kAtMostOnce) return;
  {
    base::MutexLock lock(mutex_);
    arrivals_.back().refused = true;
  }
  // Otherwise the message would count as received when the broker sends it again. No receipt: the
  // identifier is in memory only.
  if (qos == core::QoS::kExactlyOnce) static_cast<void>(packets_.remove(id, {}));
}

base::Status AckLedger::released(std::uint16_t id) {
  std::uint64_t number = 0;
  {
    base::MutexLock lock(mutex_);
    releases_.push_back({id});
    number = first_release_ + releases_.size() - 1;
  }
  return packets_.remove(id, receipt(kReleaseBit | number));
}

AckLedger::Arrival* AckLedger::find(std::uint64_t number) {
  std::uint64_t place = number;
  if (number < first_arrival_) {
    const auto former = former_.find(number);
    if (former == former_.end()) return nullptr;
    if (former->second.sent_again_at == 0) return &former->second.arrival;
    place = former->second.sent_again_at;
  }
  return place < next_place() ? &arrivals_[place - first_arrival_] : nullptr;
}

void AckLedger::acknowledge(std::uint64_t number) noexcept {
  std::shared_ptr<const std::function<void()>> watcher;
  {
    base::MutexLock lock(mutex_);
    const bool was_due = due();
    if ((number & kReleaseBit) != 0) {
      const std::uint64_t release = number & ~kReleaseBit;
      if (release < first_release_) return;  // of an earlier connection
      releases_[release - first_release_].committed = true;
    } else if ((number & kClearingBit) != 0) {
      if ((number & ~kClearingBit) == clearing_) clearing_ = 0;
    } else if (Arrival* arrival = find(number); arrival != nullptr && arrival->receipts > 0) {
      --arrival->receipts;
    }
    if (!was_due && due()) watcher = watcher_;
  }
  if (watcher) (*watcher)();
}

void AckLedger::expect_more(std::uint64_t number, unsigned receipts) noexcept {
  base::MutexLock lock(mutex_);
  if (Arrival* arrival = find(number); arrival != nullptr) arrival->receipts += receipts;
}

bool AckLedger::due() const {
  if (!connected_ || clearing_ != 0) return false;
  return (!arrivals_.empty() && arrivals_.front().receipts == 0) ||
         (!releases_.empty() && releases_.front().committed);
}

bool AckLedger::has_due() const {
  base::MutexLock lock(mutex_);
  return due();
}

void AckLedger::announce() {
  std::uint64_t place = 0;
  acknowledging_.clear();
  {
    base::MutexLock lock(mutex_);
    if (!due() || !packets_.wants_acknowledging()) return;
    for (place = first_arrival_; place < next_place(); ++place) {
      const Arrival& done = arrivals_[place - first_arrival_];
      if (done.receipts > 0) break;
      if (place >= announced_) acknowledging_.push_back(done.id);
    }
  }
  if (acknowledging_.empty()) return;
  packets_.acknowledging(acknowledging_);
  base::MutexLock lock(mutex_);
  announced_ = place;
}

void AckLedger::acknowledge(std::string& out) {
  base::MutexLock lock(mutex_);
  if (!connected_ || clearing_ != 0) return;
  for (; !arrivals_.empty() && arrivals_.front().receipts == 0; ++first_arrival_) {
    // Asked for each message, since the answer can change at any time. A store that keeps something
    // of this message has kept it since before the receipt was given, so no announcement is missed.
    if (first_arrival_ >= announced_ && packets_.wants_acknowledging()) break;
    const Arrival& done = arrivals_.front();
    done.kind == Kind::kPuback ? append_puback(done.id, out) : append_pubrec(done.id, out);
    if (done.number != first_arrival_) former_.erase(done.number);
    arrivals_.pop_front();
  }
  for (; !releases_.empty() && releases_.front().committed; ++first_release_) {
    append_pubcomp(releases_.front().id, out);
    releases_.pop_front();
  }
}

}  // namespace dapr_mqtt::packets
