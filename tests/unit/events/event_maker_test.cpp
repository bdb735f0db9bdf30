#include "dapr_mqtt/events/event_maker.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/encoding.h"
#include "support/random_text.h"

namespace dapr_mqtt::events {
namespace {

using core::CloudEventsMode;
using nlohmann::json;
using std::string_literals::operator""s;

constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

core::Delivery delivery_of(std::string payload, core::MessageProperties properties = {},
                           std::string topic = "devices/7/temperature") {
  auto message = std::make_shared<core::IncomingMessage>();
  message->topic = std::move(topic);
  message->payload = std::move(payload);
  message->qos = core::QoS::kAtLeastOnce;
  message->received = base::WallTime(std::chrono::milliseconds(1'795'996'805'067));
  message->properties = std::make_shared<const core::MessageProperties>(std::move(properties));
  return {17, 1, std::move(message)};
}

core::EventOptions options(CloudEventsMode mode = CloudEventsMode::kAuto) {
  core::EventOptions out;
  out.mode = mode;
  out.type = "mqtt.message";
  return out;
}

EventMaker maker(core::EventOptions with = options()) {
  return EventMaker({"mqtt-pubsub", "my-app", "devices/#"}, std::move(with));
}

json made(const core::Delivery& delivery, core::EventOptions with = options()) {
  const auto event = maker(std::move(with)).make(delivery);
  return event ? json::parse(*event) : json("passed");
}

core::MessageProperties typed(std::string content_type) {
  core::MessageProperties properties;
  properties.content_type = std::move(content_type);
  return properties;
}

core::MessageProperties with(std::vector<std::pair<std::string, std::string>> user) {
  core::MessageProperties properties;
  properties.user_properties = std::move(user);
  return properties;
}

TEST(EventMaker, makes_an_event_of_a_number) {
  EXPECT_EQ(made(delivery_of("21.5")), json::parse(R"({
    "specversion": "1.0", "id": ")" + base::stable_hash("mqtt-pubsub\nmy-app") +
                                                   R"(-1795996805067-17",
    "source": "/mqtt-pubsub/devices/7/temperature", "type": "mqtt.message",
    "subject": "devices/7/temperature", "time": "2026-11-30T00:00:05.067Z", "topic": "devices/#",
    "pubsubname": "mqtt-pubsub", "mqttqos": 1, "mqttretained": false,
    "datacontenttype": "application/json", "data": 21.5})"));
}

TEST(EventMaker, makes_the_id_of_what_is_kept_for_the_message_where_there_is_something) {
  core::Delivery delivery = delivery_of("21.5");
  auto message = *delivery.message;
  message.event_seed = 18'446'744'073'709'551'615U;
  delivery.message = std::make_shared<const core::IncomingMessage>(std::move(message));
  EXPECT_EQ(made(delivery).at("id"),
            base::stable_hash("mqtt-pubsub\nmy-app") + "-1795996805067-18446744073709551615");
}

struct Payload {
  std::string bytes;
  std::string declared;
  std::string content_type;
  json data;  ///< null: data_base64
};

TEST(EventMaker, has_data_in_the_form_that_suits_the_bytes) {
  for (const Payload& p : std::vector<Payload>{
           {"[1,2]", "", "application/json", json::array({1, 2})},
           {"{\"t\":21}", "", "application/json", {{"t", 21}}},
           {"ON", "", "text/plain", "ON"},
           {"", "", "text/plain", ""},
           {"a\tb\r\n\"\\", "", "text/plain", "a\tb\r\n\"\\"},
           {"käse", "", "text/plain", "käse"},
           {"\xFF\xFE", "", "application/octet-stream", nullptr},
           {"a\x01", "", "application/octet-stream", nullptr},
           {"21.5\0x"s, "", "application/octet-stream", nullptr},
           {"1e400", "", "text/plain", "1e400"},
           {"21.5", "text/plain;charset=utf-8", "text/plain;charset=utf-8", "21.5"},
           {"<a/>", "application/xml", "application/xml", "<a/>"},
           {"\xE4", "text/plain; charset=latin1", "text/plain; charset=latin1", nullptr},
           {"21.5", "Application/JSON", "Application/JSON", 21.5},
           {"ON", "application/json", "application/json", nullptr},
           {"{}", "application/senml+json", "application/senml+json", nullptr},
           {"x", "application/octet-stream", "application/octet-stream", nullptr},
           {"21.5", "no media type", "application/json", 21.5},
           {"21.5", "a/b\r\nx: y", "application/json", 21.5}}) {
    const json event = made(delivery_of(p.bytes, typed(p.declared)));
    SCOPED_TRACE(p.bytes + " " + p.declared);
    EXPECT_EQ(event["datacontenttype"], p.content_type);
    if (p.data.is_null()) {
      EXPECT_FALSE(event.contains("data"));
      EXPECT_EQ(event["data_base64"], base::to_base64(p.bytes));
    } else {
      EXPECT_EQ(event["data"], p.data);
      EXPECT_FALSE(event.contains("data_base64"));
    }
  }
}

TEST(EventMaker, leaves_JSON_as_it_was_written) {
  const std::string text = "{\"n\": 12345678901234567890.1200, \"a\":1, \"a\":2}";
  EXPECT_THAT(*maker().make(delivery_of(text)), ::testing::HasSubstr("\"data\":" + text + "}"));
}

constexpr const char* kEvent = R"({"specversion":"1.0","id":"1","source":"s","type":"t"})";

TEST(EventMaker, lets_pass_what_is_an_event) {
  EXPECT_EQ(made(delivery_of(kEvent)), "passed");
  EXPECT_EQ(made(delivery_of(R"({"id":"1"})", typed("application/cloudevents+json"))), "passed");
  EXPECT_EQ(
      made(delivery_of(R"({"id":"1"})", typed("Application/CloudEvents+json; charset=utf-8"))),
      "passed");
}

TEST(EventMaker, wraps_what_says_to_be_an_event_and_is_none_for_daprd) {
  EXPECT_EQ(made(delivery_of("\x01", typed("application/cloudevents+avro")))["data_base64"],
            "AQ==");
  EXPECT_EQ(made(delivery_of("[]", typed("application/cloudevents-batch+json")))["data_base64"],
            "W10=");
  const json event = made(
      delivery_of(R"({"specversion":"1.0","id":"1","source":"s","type":"t","traceparent":5})"));
  EXPECT_EQ(event["data"]["traceparent"], 5) << "daprd's process would end";
}

TEST(EventMaker, by_its_mode_wraps_all_or_nothing) {
  EXPECT_EQ(made(delivery_of(kEvent), options(CloudEventsMode::kWrap))["data"]["id"], "1");
  EXPECT_EQ(made(delivery_of("21.5"), options(CloudEventsMode::kPass)), "passed");
  core::EventOptions raw = options(CloudEventsMode::kWrap);
  raw.raw_payload = true;
  EXPECT_EQ(made(delivery_of("21.5"), raw), "passed") << "daprd puts it into an event itself";
}

// daprd's HTTP delivery asserts the type of both without a check and ends its process if it is
// wrong; the message, delivered again after daprd's restart, would end it again, for ever.
TEST(EventMaker, lets_nothing_pass_that_could_end_daprd) {
  const core::EventOptions pass = options(CloudEventsMode::kPass);
  for (const std::string& payload :
       {R"({"traceparent":5})"s, R"({"a":1, "traceid" : {"b":2}})"s,
        R"({"\u0074raceparent":true})"s, R"({"traceid":"x","traceid":[]})"s,
        "{\"traceparent\":5,\"x\":\"\xFF\"}"s}) {
    const json event = made(delivery_of(payload), pass);
    ASSERT_TRUE(event.is_object()) << payload;
    EXPECT_FALSE(event.contains("traceparent")) << payload;
    EXPECT_TRUE(event.contains("data") || event.contains("data_base64"));
  }
  for (const char* payload :
       {R"({"traceparent":"00-1","traceid":null})", R"({"data":{"traceparent":5}})",
        R"({"a":"\u003cb\u003e"})", R"({"traceparent":[],"traceparent":"x"})", "traceparent\"",
        R"({"trace":1})"}) {
    EXPECT_EQ(made(delivery_of(payload), pass), "passed") << payload;
  }
}

TEST(EventMaker, gives_a_message_the_same_id_whenever_it_is_delivered) {
  core::Delivery first = delivery_of("ON");
  core::Delivery again = delivery_of("ON");
  again.attempt = 5;
  EXPECT_EQ(made(first)["id"], made(again)["id"]);
  again.id = 18;
  EXPECT_NE(made(first)["id"], made(again)["id"]);
  const EventMaker replica({"mqtt-pubsub", "my-app-2", "devices/#"}, options());
  EXPECT_NE(json::parse(*replica.make(first))["id"], made(first)["id"]);
}

TEST(EventMaker, writes_source_as_a_URI_reference) {
  EXPECT_EQ(made(delivery_of("1", {}, "a b/%/ä"))["source"], "/mqtt-pubsub/a%20b/%25/%C3%A4");
  EXPECT_EQ(made(delivery_of("1", {}, "/a"))["source"], "/mqtt-pubsub//a");
}

TEST(EventMaker, has_fields_of_the_topic) {
  core::EventOptions with_pattern = options();
  with_pattern.topic_pattern = core::TopicPattern::parse("devices/{device}/{measure}").value();
  const json event = made(delivery_of("21.5"), with_pattern);
  EXPECT_EQ(event["device"], "7");
  EXPECT_EQ(event["measure"], "temperature");
  EXPECT_FALSE(made(delivery_of("1", {}, "devices/7"), with_pattern).contains("device"));
}

TEST(EventMaker, names_the_topic_that_daprd_is_told) {
  core::EventOptions real = options();
  real.real_topic_name = true;
  EXPECT_EQ(made(delivery_of("1"), real)["topic"], "devices/7/temperature");
}

TEST(EventMaker, has_the_properties_of_MQTT_5) {
  core::MessageProperties properties = with({{"Colour", "red"},
                                             {"two words", "x"},
                                             {"colour", "blue"},
                                             {"id", "stolen"},
                                             {"expiration", "2000-01-01T00:00:00Z"},
                                             {"ä", "1"},
                                             {"bad", "\xFF"}});
  properties.response_topic = "answers/1";
  properties.correlation_data = "\x01\x02";
  const json event = made(delivery_of("1", properties));
  EXPECT_EQ(event["propcolour"], "red,blue");
  EXPECT_EQ(event["proptwowords"], "x");
  EXPECT_EQ(event["propid"], "stolen");
  EXPECT_NE(event["id"], "stolen");
  EXPECT_FALSE(event.contains("expiration")) << "daprd would drop the event";
  EXPECT_EQ(event["mqttresponsetopic"], "answers/1");
  EXPECT_EQ(event["mqttcorrelationdata"], "AQI=");
  EXPECT_EQ(event["mqttomitted"], 2);
}

TEST(EventMaker, bounds_what_strangers_put_into_properties) {
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = 0; i < 10'000; ++i) many.emplace_back("n" + std::to_string(i), "v");
  EXPECT_EQ(made(delivery_of("1", with(many)))["mqttomitted"], 10'000 - 32);
  EXPECT_EQ(made(delivery_of("1", with({{"a", std::string(2049, 'x')}})))["mqttomitted"], 1);
}

TEST(EventMaker, takes_over_a_trace_context_that_is_well_formed) {
  const json good = made(delivery_of("1", with({{"traceparent", kTrace}, {"tracestate", "a=1"}})));
  EXPECT_EQ(good["traceparent"], kTrace);
  EXPECT_EQ(good["tracestate"], "a=1");
  EXPECT_FALSE(good.contains("proptraceparent"));
  const json bad = made(delivery_of("1", with({{"traceparent", "00-1"}, {"tracestate", "a=1"}})));
  EXPECT_FALSE(bad.contains("traceparent"));
  EXPECT_FALSE(bad.contains("tracestate"));
  EXPECT_EQ(bad["proptraceparent"], "00-1");
}

TEST(EventMaker, reads_an_event_in_binary_mode) {
  core::MessageProperties properties = with({{"specversion", "1.0"},
                                             {"id", "77"},
                                             {"source", "/s"},
                                             {"type", "com.example"},
                                             {"time", "2026-01-01T00:00:00Z"},
                                             {"colour", "red"},
                                             {"id", "78"},
                                             {"No-Name", "x"},
                                             {"data", "x"},
                                             {"traceparent", "bad"}});
  properties.content_type = "application/json";
  EXPECT_EQ(made(delivery_of("{\"t\":21}", properties)), json::parse(R"({
    "specversion": "1.0", "id": "77", "source": "/s", "type": "com.example",
    "time": "2026-01-01T00:00:00Z", "colour": "red", "datacontenttype": "application/json",
    "data": {"t": 21}})"));
  properties.user_properties.erase(properties.user_properties.begin());
  EXPECT_EQ(made(delivery_of("{}", properties))["type"], "mqtt.message") << "no specversion";
  properties.content_type = "application/cloudevents+json";
  properties.user_properties.emplace_back("specversion", "1.0");
  EXPECT_EQ(made(delivery_of(kEvent, properties)), "passed") << "structured, with properties too";
}

TEST(EventMaker, takes_the_content_type_from_a_property_in_binary_mode) {
  core::MessageProperties properties = with({{"specversion", "1.0"},
                                             {"id", "1"},
                                             {"source", "/s"},
                                             {"type", "t"},
                                             {"datacontenttype", "text/csv"}});
  EXPECT_EQ(made(delivery_of("1,2", properties))["datacontenttype"], "text/csv");
}

/// For any input: an event that a parser accepts, in which no name comes twice.
TEST(EventMaker, makes_a_valid_event_of_any_bytes) {
  testing::RandomText random(testing::seed_of_test());
  const std::vector<std::string> pieces = {
      "{",  "}", "\"", "a",  ":", "1",   ",",          "[",           "]",
      "\n", "ä", "😀",  "id", "/", "\0"s, "text/plain", "specversion", "traceparent"};
  for (int round = 0; round < 20'000; ++round) {
    core::MessageProperties properties;
    properties.content_type = random.text(pieces, 2);
    properties.response_topic = random.text(pieces, 3);
    properties.correlation_data = random.text(pieces, 3);
    for (std::size_t n = random.below(6); n > 0; --n) {
      properties.user_properties.emplace_back(random.text(pieces, 2), random.text(pieces, 3));
    }
    const std::string payload = random.text(pieces, 6);
    const auto event = maker(options(CloudEventsMode::kWrap))
                           .make(delivery_of(payload, properties, random.text(pieces, 4)));
    std::set<std::string> names;
    bool once = true;
    const json parsed = json::parse(*event, [&](int depth, json::parse_event_t what, json& value) {
      if (what == json::parse_event_t::key && depth == 1) once = names.insert(value).second && once;
      return true;
    });
    ASSERT_TRUE(once) << *event;
    for (const std::string& name : names) {
      ASSERT_TRUE(
          name == "data_base64" ||
          std::all_of(name.begin(), name.end(),
                      [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }))
          << name;
    }
    if (parsed.contains("data_base64")) {
      ASSERT_EQ(base::from_base64(parsed["data_base64"].get<std::string>()), payload);
    } else if (parsed["datacontenttype"].get<std::string>().starts_with("text/")) {
      ASSERT_EQ(parsed["data"], payload);
    } else {
      ASSERT_EQ(parsed["data"], json::parse(payload));
    }
  }
}

}  // namespace
}  // namespace dapr_mqtt::events
