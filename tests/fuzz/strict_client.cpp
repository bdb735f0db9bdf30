#include "fuzz/strict_client.h"

#include <set>
#include <string>

#include "fuzz/require.h"
#include "support/mqtt_bytes.h"

namespace dapr_mqtt::fuzz {
namespace {

using testing::mqtt::Cursor;

/// Takes the properties off the front; all must be of `allowed`, and none twice.
void strict_properties(Cursor& from, const std::set<std::size_t>& allowed) {
  const std::size_t length = from.variable();
  require(length <= from.rest().size(), "properties end inside the packet");
  const std::string block = from.take(length);
  Cursor properties(block);
  std::set<std::size_t> seen;
  while (!properties.rest().empty()) {
    const std::size_t id = properties.number(1);
    require(allowed.count(id) == 1, "only known properties pass");
    require(seen.insert(id).second, "no property passes twice");
    if (id == 0x1F) {
      require(properties.rest().size() >= 2, "a reason string has a length");
      const std::size_t size = properties.number(2);
      require(size > 0 && size <= properties.rest().size(), "a reason string is whole");
      properties.take(size);
    } else {
      require(properties.rest().size() >= 2, "a number is whole");
      const std::size_t value = properties.number(2);
      require(id != 0x21 || value > 0, "no Receive Maximum of 0");
    }
  }
}

}  // namespace

void StrictClient::receive(std::string_view packet) {
  wants_pubrel_ = 0;
  require(!refused_, "nothing passes after a refusal");
  require(packet.size() >= 2, "a packet has a header");
  const auto whole = testing::mqtt::whole_packet(packet);
  require(whole && *whole == packet.size(), "one whole packet passes at a time");
  Cursor cursor(packet);
  const std::size_t first = cursor.number(1);
  const std::size_t length = cursor.variable();
  require(testing::mqtt::variable(length).size() + 1 + length == packet.size(),
          "the remaining length is in its shortest form");
  require((first & 0xFU) == 0, "no flags are set");
  const auto type = static_cast<unsigned>(first >> 4U);
  require(connected_ == (type != 2), "CONNACK comes first, once");
  switch (type) {
    case 2: receive_connack(cursor.rest()); break;
    case 4:
    case 5:
    case 7: receive_acknowledgement(type, cursor.rest()); break;
    case 9:
    case 11: receive_codes(type, cursor.rest()); break;
    case 13: require(length == 0, "PINGRESP has no body"); break;
    default: require(false, "no other type passes");
  }
}

void StrictClient::receive_connack(std::string_view body) {
  connected_ = true;
  require(body.size() >= 2, "CONNACK has flags and code");
  Cursor cursor(body);
  const std::size_t flags = cursor.number(1);
  const std::size_t code = cursor.number(1);
  require(flags <= 1 && (flags == 0 || code == 0), "session present only when accepted");
  if (mqtt5()) {
    require(body.size() > 2, "Paho needs a property length");
    strict_properties(cursor, {0x13, 0x21});
  } else {
    require(code <= 5, "a return code of MQTT 3.1.1");
  }
  require(cursor.rest().empty(), "nothing after CONNACK");
  refused_ = code != 0;
}

void StrictClient::receive_acknowledgement(unsigned type, std::string_view body) {
  require(body.size() >= 2, "a packet identifier");
  Cursor cursor(body);
  const auto id = static_cast<std::uint16_t>(cursor.number(2));
  require(mqtt5() || body.size() == 2, "MQTT 3.1.1 has only the packet identifier");
  const std::size_t code = cursor.number(1);
  require(code == 0 || code >= 0x80 || (code == 0x10 && type != 7), "a known reason code");
  if (body.size() > 3) strict_properties(cursor, {0x1F});
  require(cursor.rest().empty(), "nothing after the properties");
  if (type == 4) return end(id, Open::kQos1);
  if (type == 7) return end(id, Open::kReleased);
  if (code >= 0x80) return end(id, Open::kQos2);
  require(body.size() <= 3, "PUBREC without properties");
  end(id, Open::kQos2);
  sent(id, Open::kReceived);
  wants_pubrel_ = id;
}

void StrictClient::receive_codes(unsigned type, std::string_view body) {
  require(body.size() >= 2, "a packet identifier");
  Cursor cursor(body);
  const auto id = static_cast<std::uint16_t>(cursor.number(2));
  if (mqtt5()) {
    require(!cursor.rest().empty(), "a property length");
    strict_properties(cursor, {0x1F});
  }
  const std::string codes(cursor.rest());
  const auto request = open_.find(id);
  require(request != open_.end(), "the identifier is in use");
  const bool counted = mqtt5() || type == 9;
  require(codes.size() == (counted ? request->second.filters : 0), "a code for each filter");
  for (const char c : codes) {
    const auto code = static_cast<unsigned char>(c);
    const bool known = mqtt5() ? code >= 0x80 || (type == 9 ? code <= 2 : code == 0 || code == 0x11)
                               : code <= 2 || code == 0x80;
    require(known, "a known code");
  }
  end(id, type == 9 ? Open::kSubscribe : Open::kUnsubscribe);
}

void StrictClient::end(std::uint16_t id, Open what) {
  const auto request = open_.find(id);
  require(request != open_.end() && request->second.what == what,
          "what the packet identifier is in use for waits for this answer");
  open_.erase(request);
}

}  // namespace dapr_mqtt::fuzz
