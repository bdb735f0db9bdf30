#include "simulation/broker_session.h"

#include <algorithm>

namespace dapr_mqtt::simulation {
namespace {

/// Only a few more than a window, so that each packet identifier is often used again.
constexpr std::uint16_t kMostIds = 40;

std::uint16_t id_of(std::string_view packet) {
  return static_cast<std::uint16_t>((static_cast<unsigned char>(packet[2]) << 8U) |
                                    static_cast<unsigned char>(packet[3]));
}

}  // namespace

void BrokerSession::connect() {
  connected_ = true;
  for (OnTheWay& one : on_the_way_) one.sent = one.released = false;
}

std::optional<BrokerSession::Sent> BrokerSession::next() {
  if (!connected_) return std::nullopt;
  for (OnTheWay& one : on_the_way_) {
    if (one.received && !one.released) {
      one.released = true;
      return Sent{Sent::Kind::kPubrel, one.id, one.message};
    }
    if (!one.received && !one.sent) {
      one.sent = true;
      return Sent{Sent::Kind::kPublish, one.id, one.message, std::exchange(one.sent_before, true)};
    }
  }
  if (waiting_.empty() || on_the_way_.size() >= window_) return std::nullopt;
  const auto taken = [&](std::uint16_t id) {
    return std::any_of(on_the_way_.begin(), on_the_way_.end(),
                       [&](const OnTheWay& one) { return one.id == id; });
  };
  do {
    last_id_ = static_cast<std::uint16_t>(last_id_ % kMostIds + 1);
  } while (taken(last_id_));
  on_the_way_.push_back({waiting_.front(), last_id_, true, true});
  waiting_.pop_front();
  return Sent{Sent::Kind::kPublish, last_id_, on_the_way_.back().message};
}

std::optional<std::string> BrokerSession::read(
    std::string_view bytes, const std::function<void(const Queued&)>& acknowledged) {
  for (; bytes.size() >= 4; bytes.remove_prefix(4)) {
    const auto type = static_cast<unsigned char>(bytes[0]);
    const std::uint16_t id = id_of(bytes);
    const auto one = std::find_if(on_the_way_.begin(), on_the_way_.end(),
                                  [&](const OnTheWay& other) { return other.id == id; });
    const std::string name = "the acknowledgement of identifier " + std::to_string(id);
    if (one == on_the_way_.end()) return name + " answers nothing";
    const bool exactly_once = one->message.qos == core::QoS::kExactlyOnce;
    if (type == 0x70) {
      if (!one->released) return name + " (PUBCOMP) comes before PUBREL";
      on_the_way_.erase(one);
      continue;
    }
    if (!one->sent) return name + " comes before its PUBLISH";
    if (exactly_once != (type == 0x50)) return name + " is of the other kind";
    const bool overtakes = std::any_of(on_the_way_.begin(), one, [](const OnTheWay& older) {
      return older.sent && !older.received;
    });
    if (overtakes) return name + " overtakes another (MQTT-4.6.0-2)";
    if (!one->received) acknowledged(one->message);
    if (exactly_once) {
      one->received = true;
    } else {
      on_the_way_.erase(one);
    }
  }
  return std::nullopt;
}

}  // namespace dapr_mqtt::simulation
