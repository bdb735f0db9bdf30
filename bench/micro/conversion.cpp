// Between the wire and our own messages, both ways.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>

#include "dapr/message_metadata.h"
#include "dapr/wire.h"
#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/publish/publish_options.h"
#include "micro/ways.h"

namespace dapr_mqtt::bench {
namespace {

core::ProtocolVersion version(const benchmark::State& state) {
  return state.range(0) == 5 ? core::ProtocolVersion::kMqtt5 : core::ProtocolVersion::kMqtt311;
}

/// The bytes of a PublishRequest to what is handed to the publisher.
void request_to_outgoing(benchmark::State& state) {
  dapr::wire::PublishRequest sent;
  sent.set_topic("plant/line-10000/temperature");
  sent.set_data(std::string(kPayload, 'x'));
  (*sent.mutable_metadata())["qos"] = "1";
  if (state.range(0) == 5) {
    (*sent.mutable_metadata())["ttlInSeconds"] = "60";
    (*sent.mutable_metadata())["mqtt-property-trace"] = "0af7651916cd43dd8448eb211c80319c";
  }
  const std::string bytes = sent.SerializeAsString();
  const publish::PublishDefaults defaults{core::QoS::kAtMostOnce, false, version(state)};
  for (auto _ : state) {
    dapr::wire::PublishRequest request;
    if (!request.ParseFromString(bytes)) state.SkipWithError("no request");
    auto topic = core::TopicName::parse(request.topic());
    const auto options =
        publish::parse_publish_options(dapr::to_metadata(request.metadata()), defaults);
    core::OutgoingMessage message{std::move(topic).value(), std::move(*request.mutable_data()),
                                  options.value().qos, options.value().retain,
                                  options.value().properties};
    benchmark::DoNotOptimize(message);
  }
}

/// A delivery to the bytes of a PullMessagesResponse.
void incoming_to_response(benchmark::State& state) {
  auto message = std::make_shared<core::IncomingMessage>();
  message->topic = "plant/line-10000/temperature";
  message->payload.assign(kPayload, 'x');
  message->qos = core::QoS::kAtLeastOnce;
  if (state.range(0) == 5) {
    auto properties = std::make_shared<core::MessageProperties>();
    properties->content_type = "application/json";
    properties->user_properties.emplace_back("trace", "0af7651916cd43dd8448eb211c80319c");
    message->properties = std::move(properties);
  }
  const core::Delivery delivery{1'000'000, 1, message};
  std::string bytes;
  for (auto _ : state) {
    dapr::wire::PullMessagesResponse response;
    response.set_id(std::to_string(delivery.id));
    for (auto& [key, value] : dapr::message_metadata(delivery)) {
      (*response.mutable_metadata())[key] = std::move(value);
    }
    response.set_topic_name(message->topic);
    response.set_data(message->payload);
    response.SerializeToString(&bytes);
    benchmark::DoNotOptimize(bytes);
  }
}

BENCHMARK(request_to_outgoing)->ArgName("mqtt")->Arg(3)->Arg(5);
BENCHMARK(incoming_to_response)->ArgName("mqtt")->Arg(3)->Arg(5);

}  // namespace
}  // namespace dapr_mqtt::bench
