// Any bytes of a device or an app, read as a CloudEvent: the scanner accepts what another parser
// accepts, the event that is made is JSON, and its data are the bytes that came.
// The first byte says what the content type is, and whether MQTT 5 user properties come first: an
// event in binary mode (MQTT Protocol Binding section 3.1), or nearly.
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/events/event_maker.h"
#include "dapr_mqtt/events/plain_message.h"
#include "events/json_scan.h"
#include "fuzz/input.h"
#include "fuzz/require.h"
#include "fuzz/seeds.h"

namespace {

using namespace dapr_mqtt;
using fuzz::require;
using nlohmann::json;

constexpr const char* kTypes[] = {"", "application/json", "text/plain",
                                  "application/cloudevents+json"};

core::Delivery delivery_of(std::string payload, std::string content_type,
                           const core::Metadata& user_properties = {}) {
  auto properties = std::make_shared<core::MessageProperties>();
  properties->user_properties.assign(user_properties.begin(), user_properties.end());
  properties->content_type = std::move(content_type);
  auto message = std::make_shared<core::IncomingMessage>();
  message->topic = "devices/7";
  message->payload = std::move(payload);
  message->properties = std::move(properties);
  return {1, 1, std::move(message)};
}

/// The other parser ends at a NUL, accepts a byte order mark, and rejects half a surrogate pair;
/// deep documents take it too long.
bool parsers_agree_on(std::string_view text) {
  return text.find('\0') == text.npos && !text.starts_with("\xEF\xBB\xBF") &&
         text.find("\\u") == text.npos && text.find("e") == text.npos &&
         text.find("E") == text.npos;
}

events::EventMaker maker(core::CloudEventsMode mode) {
  core::EventOptions options;
  options.mode = mode;
  options.type = "t";
  return {{"c", "id", "devices/#"}, options};
}

/// Whatever its attributes say, what daprd gets is JSON.
void check_binary_mode(fuzz::Input input, const char* content_type) {
  core::Metadata user_properties;
  for (unsigned left = input.byte() % 8; left > 0; --left) {
    std::string name(input.text('\0'));
    user_properties[std::move(name)] = std::string(input.text('\0'));
  }
  const core::Delivery delivery =
      delivery_of(std::string(input.rest()), content_type, user_properties);
  for (const auto mode : {core::CloudEventsMode::kPass, core::CloudEventsMode::kAuto}) {
    (void)maker(mode).make(delivery);
  }
  const auto event = maker(core::CloudEventsMode::kWrap).make(delivery);
  require(event && events::is_json(*event), "the event is JSON");
  require(events::plain_message(*event).ok(), "the event can be taken apart");
}

/// JSON loses the space around it, and null is no data.
std::string expected_data(const std::string& payload, std::string_view content_type) {
  const bool json_data = content_type.empty() || content_type == "application/json";
  if (!json_data || !events::is_json(payload)) return payload;
  const std::string trimmed(base::trim(payload));
  return trimmed == "null" ? std::string() : trimmed;
}

}  // namespace

std::vector<std::string> dapr_mqtt::fuzz::seeds() {
  std::vector<std::string> all;
  for (
      const char* text :
      {"21.5", "ON", "{\"t\":[1,{\"a\":null}]}", "\"\\u00e4\\ud83d\\ude00\"", "\xFF", "",
       R"({"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"AA==","n":1,"b":true})",
       R"({"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"text/plain","data":"\n"})"}) {
    for (const char first : {'\0', '\1', '\2', '\3'}) all.push_back(std::string(1, first) + text);
  }
  const core::Metadata attributes = {{"specversion", "1.0"},
                                     {"id", "1"},
                                     {"source", "s"},
                                     {"type", "t"},
                                     {"time", "2026-01-01T00:00:00Z"},
                                     {"traceparent", "00-1"},
                                     {"other", "x"}};
  for (const char first : {'\4', '\5', '\6', '\7'}) {
    all.push_back(metadata_seed(first, attributes).insert(1, 1, '\7') + "{\"t\":1}");
  }
  return all;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  if (data[0] / 4 % 2 != 0) {
    check_binary_mode({data + 1, size - 1}, kTypes[data[0] % 4]);
    return 0;
  }
  const std::string payload(reinterpret_cast<const char*>(data + 1), size - 1);
  const bool is_json = events::is_json(payload);
  if (parsers_agree_on(payload)) {
    require(is_json == json::accept(payload), "two parsers agree on what is JSON");
  }
  (void)events::for_each_member(
      payload, [](const events::JsonMember& member) { (void)events::unescaped(member.key); });
  (void)events::plain_message(payload);
  (void)events::trace_attributes(payload);
  const core::Delivery delivery = delivery_of(payload, kTypes[data[0] % 4]);
  (void)maker(core::CloudEventsMode::kAuto).make(delivery);

  const auto event = maker(core::CloudEventsMode::kWrap).make(delivery);
  require(events::is_json(*event), "the event is JSON");
  const auto plain = events::plain_message(*event);
  require(plain.ok() && plain.value(), "the event can be taken apart");
  require(plain.value()->payload == expected_data(payload, kTypes[data[0] % 4]),
          "the data are the bytes that came");
  return 0;
}
