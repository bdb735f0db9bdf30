#include "mqtt/inbound_store.h"

#include <mqtt/exception.h>

#include <charconv>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace dapr_mqtt::mqtt {
namespace {

using Entry = core::PacketStore::Entry;

// Paho's names for received publishes (MQTTPersistence.h): these, and the packet
// identifier.
constexpr std::string_view kReceived = "r-";
constexpr std::string_view kReceived5 = "r5-";

std::string key_of(const Entry& entry) {
  return std::string(entry.mark ? kReceived5 : kReceived) + std::to_string(entry.id);
}

/// None for what is no received publish.
std::optional<Entry> entry_of(std::string_view key) {
  Entry entry;
  if (key.starts_with(kReceived)) {
    key.remove_prefix(kReceived.size());
  } else if (key.starts_with(kReceived5)) {
    key.remove_prefix(kReceived5.size());
    entry.mark = true;
  } else {
    return std::nullopt;
  }
  const auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), entry.id);
  if (problem != std::errc() || end != key.data() + key.size() || entry.id == 0) {
    return std::nullopt;
  }
  return entry;
}

/// An MQTT 5 PUBLISH of QoS 2 with this identifier, topic "t", no properties and no
/// payload (MQTT 5 section 3.3).
std::string packet_of_mark(core::PacketStore::Id id) {
  return {0x34, 6, 0, 1, 't', static_cast<char>(id >> 8U), static_cast<char>(id & 0xffU), 0};
}

/// The interface's way to fail.
void require(const base::Status& status) {
  if (!status.ok()) throw ::mqtt::persistence_exception(status.message());
}

}  // namespace

void InboundStore::open(const std::string&, const std::string&) {}
void InboundStore::close() {}
void InboundStore::clear() { require(packets_.clear()); }

bool InboundStore::contains_key(const std::string& key) {
  const auto asked = entry_of(key);
  const auto found = asked ? packets_.find(asked->id) : std::nullopt;
  return found && found->mark == asked->mark;
}

::mqtt::string_collection InboundStore::keys() const {
  ::mqtt::string_collection keys;
  for (const Entry& entry : packets_.entries()) keys.push_back(key_of(entry));
  return keys;
}

void InboundStore::put(const std::string& key, const std::vector<::mqtt::string_view>& parts) {
  const auto entry = entry_of(key);
  if (!entry) return;
  if (entry->mark) return packets_.put_mark(entry->id);
  std::string packet;
  for (const auto& part : parts) packet.append(part.data(), part.size());
  require(packets_.put_body(entry->id, std::move(packet)));
}

std::string InboundStore::get(const std::string& key) const {
  const auto entry = entry_of(key);
  if (entry && entry->mark) return packet_of_mark(entry->id);
  auto packet = entry ? packets_.body(entry->id) : std::nullopt;
  if (!packet) throw std::out_of_range("no such packet");  // the interface's way
  return *std::move(packet);
}

void InboundStore::remove(const std::string& key) {
  // Paho asks for both names of a message, whichever it has.
  const auto entry = entry_of(key);
  if (entry && contains_key(key)) require(packets_.remove(entry->id));
}

}  // namespace dapr_mqtt::mqtt
