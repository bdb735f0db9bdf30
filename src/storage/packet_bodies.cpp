#include "storage/packet_bodies.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/clock.h"

namespace dapr_mqtt::storage {
namespace {

// The first byte of a PUBLISH (MQTT 3.1.1 section 3.3.1).
constexpr unsigned kTypeMask = 0xf0;
constexpr unsigned kPublish = 0x30;
constexpr unsigned kDup = 0x08;
constexpr unsigned kQosMask = 0x06;
constexpr unsigned kQos2 = 0x04;
constexpr unsigned kRetain = 0x01;
constexpr std::size_t kMostLengthBytes = 4;  // section 2.2.3

// messages.flags of version 1.
constexpr std::int64_t kFlagQos2 = 2;
constexpr std::int64_t kFlagRetained = 4;
constexpr std::int64_t kFlagDuplicate = 8;

struct Publish {
  std::int64_t flags = kFlagQos2;
  std::string_view topic;
  std::string_view payload;
};

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

/// The bytes after the fixed header; none when its length does not match.
std::optional<std::string_view> after_header(std::string_view packet) {
  std::size_t length = 0;
  for (std::size_t n = 0; n < kMostLengthBytes && n + 1 < packet.size(); ++n) {
    const unsigned byte = byte_at(packet, n + 1);
    length |= static_cast<std::size_t>(byte & 0x7fU) << (7 * n);
    if ((byte & 0x80U) != 0) continue;
    packet.remove_prefix(n + 2);
    return packet.size() == length ? std::optional(packet) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<Publish> parse(std::string_view packet) {
  if (packet.empty()) return std::nullopt;
  const unsigned first = byte_at(packet, 0);
  if ((first & kTypeMask) != kPublish || (first & kQosMask) != kQos2) return std::nullopt;
  const auto rest = after_header(packet);
  if (!rest || rest->size() < 2) return std::nullopt;
  const std::size_t topic = byte_at(*rest, 0) << 8U | byte_at(*rest, 1);
  constexpr std::size_t kLengthAndIdentifier = 4;
  if (rest->size() < kLengthAndIdentifier + topic) return std::nullopt;
  Publish publish;
  if ((first & kRetain) != 0) publish.flags |= kFlagRetained;
  if ((first & kDup) != 0) publish.flags |= kFlagDuplicate;
  publish.topic = rest->substr(2, topic);
  publish.payload = rest->substr(kLengthAndIdentifier + topic);
  return publish;
}

base::Result<std::vector<std::int64_t>> keys_with_bodies(sqlite::Database& database) {
  auto select = database.prepare("SELECT key FROM packets WHERE body IS NOT NULL ORDER BY key");
  if (!select.ok()) return select.status();
  std::vector<std::int64_t> keys;
  auto row = select.value().step();
  for (; row.ok() && row.value(); row = select.value().step()) {
    keys.push_back(select.value().integer(0));
  }
  if (!row.ok()) return row.status();
  return keys;
}

}  // namespace

base::Status move_packet_bodies(sqlite::Database& database) {
  const auto keys = keys_with_bodies(database);
  if (!keys.ok()) return keys.status();
  if (keys.value().empty()) return {};
  const auto last_id = database.number(
      "SELECT max(value, (SELECT ifnull(max(id), 0) FROM messages)) FROM counters"
      " WHERE name = 'ids'");
  if (!last_id.ok()) return last_id.status();
  auto select = database.prepare("SELECT body FROM packets WHERE key = ?1");
  if (!select.ok()) return select.status();
  auto insert = database.prepare("INSERT INTO messages VALUES(?1, '', 0, 0, ?2, ?3, ?4, NULL, ?5)");
  if (!insert.ok()) return insert.status();

  std::int64_t id = last_id.value();
  const std::int64_t now = base::SystemWallClock().now().time_since_epoch().count();
  for (const std::int64_t key : keys.value()) {
    sqlite::Statement& body = select.value();
    const auto row = body.bind(1, key).step();
    if (!row.ok()) return row.status();
    const auto publish = parse(body.bytes(0));
    if (!publish) {
      return base::unavailable("the QoS 2 message of an older version in row " +
                               std::to_string(key) +
                               " of its table \"packets\" is damaged: save "
                               "the inbox and delete that row, or use another --state-dir");
    }
    base::Status status = insert.value()
                              .bind(1, ++id)
                              .bind(2, publish->flags)
                              .bind(3, now)
                              .bind_text(4, publish->topic)
                              .bind_blob(5, publish->payload)
                              .run();
    body.reset();
    if (!status.ok()) return status;
  }
  return database.execute(
      ("UPDATE counters SET value = " + std::to_string(id) + " WHERE name = 'ids'").c_str());
}

}  // namespace dapr_mqtt::storage
