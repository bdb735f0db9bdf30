#include "mqtt/operations.h"

#include <utility>

#include "dapr_mqtt/base/overloaded.h"
#include "mqtt/reason_codes.h"

namespace dapr_mqtt::mqtt {
namespace {

/// SUBACK's "failure" (MQTT 3.1.1 section 3.9.3).
constexpr int kSubackFailure = 0x80;

/// The most bytes of payload that Paho holds at a time, except for a single larger message. Paho
/// copies each payload, and C 1.3.12 never frees the copies that it had not begun to send when its
/// client is destroyed (paho.mqtt.c #1474): 50 MB lost each time that a broker hung and then closed
/// with 50 messages of 1 MiB open. This much in flight still allows 80 MB/s at a round trip of
/// 50 ms.
constexpr std::size_t kMaxOpenBytes = 4U << 20U;

}  // namespace

void succeed(Done& done, core::QoS granted) {
  std::visit(base::Overloaded{[](PublishDone& d) { d.done({}); },
                              [&](SubscribeDone& d) { d.done(granted); },
                              [](UnsubscribeDone& d) { d.done({}); }},
             done);
}

void fail(Done& done, const base::Status& failure) {
  std::visit([&](auto& d) { d.done(failure); }, done);
}

base::Status failure_of(const Done& done, int code) {
  return std::visit(
      base::Overloaded{
          [&](const PublishDone&) { return from_paho(code, "sending to the broker"); },
          [&](const SubscribeDone& d) {
            return code == kSubackFailure ? subscription_refused(d.filter)
                                          : from_paho(code, "subscribing");
          },
          [&](const UnsubscribeDone&) { return from_paho(code, "sending to the broker"); }},
      done);
}

base::Status failure_of(const Done& done, const Reason& reason) {
  return std::visit(
      base::Overloaded{
          [&](const PublishDone& d) { return publish_refused(reason, d.topic); },
          [&](const SubscribeDone& d) { return subscription_refused(reason, d.filter); },
          [&](const UnsubscribeDone&) { return unsubscribe_refused(reason); }},
      done);
}

Operations::Operation* Operations::add(Done& done, std::size_t bytes) {
  base::MutexLock lock(mutex_);
  if (closed_) return nullptr;
  const std::uint64_t id = ++last_;
  bytes_ += bytes;
  ++count_;
  return &open_.emplace(id, Operation{&client_, id, bytes, std::move(done)}).first->second;
}

bool Operations::has_room_for(std::size_t bytes) const {
  base::MutexLock lock(mutex_);
  return bytes_ == 0 || bytes_ + bytes <= kMaxOpenBytes;
}

std::optional<Done> Operations::take(std::uint64_t id) {
  base::MutexLock lock(mutex_);
  if (closed_) return std::nullopt;
  auto node = open_.extract(id);
  if (node.empty()) return std::nullopt;
  bytes_ -= node.mapped().bytes;
  --count_;
  return std::move(node.mapped().done);
}

std::size_t Operations::size() const {
  base::MutexLock lock(mutex_);
  return open_.size();
}

bool Operations::close() {
  base::MutexLock lock(mutex_);
  return !std::exchange(closed_, true);
}

std::vector<Done> Operations::take_all() {
  std::vector<Done> all;
  base::MutexLock lock(mutex_);
  for (auto& [id, operation] : open_) all.push_back(std::move(operation.done));
  open_.clear();
  return all;
}

}  // namespace dapr_mqtt::mqtt
