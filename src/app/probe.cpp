#include "app/probe.h"

#include <cstdio>
#include <random>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/dapr/probe.h"

namespace dapr_mqtt::app {
namespace {

/// Eight hex digits: probes at the same time must share neither client ID nor topic.
std::string random_suffix() {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(std::random_device{}()));
  return text;
}

/// A CloudEvent (version 1.0, JSON format) as daprd makes one of what an app publishes.
std::string cloud_event(const std::string& id) {
  return R"({"specversion":"1.0","type":"com.dapr.event.sent","source":"dapr-pubsub-mqtt",)"
         R"("id":")" +
         id + R"(","datacontenttype":"application/json","data":{"hello":"world"}})";
}

std::string milliseconds(std::chrono::microseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", static_cast<double>(time.count()) / 1000.0);
  return text;
}

std::string join(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : " ") + text;
  return out;
}

void print(const char* name, const std::string& value) {
  std::printf("%-10s%s\n", name, value.c_str());
}

}  // namespace

int probe_round_trip(const ProbeRoundTripCommand& command) {
  const std::string id = "probe-" + random_suffix();
  dapr::ProbeRequest request;
  request.socket_path = command.socket;
  request.component_name = id;
  request.metadata = {{"url", command.url}, {"consumerID", id}, {"qos", "1"}};
  request.topic = command.topic.empty() ? "dapr-mqtt-" + id : command.topic;
  request.payload = cloud_event(id);
  request.timeout = command.timeout;

  const auto report = dapr::round_trip(request);
  if (!report.ok()) {
    std::fprintf(stderr, "dapr-pubsub-mqtt: %s\n", report.status().message().c_str());
    return kExitFailure;
  }
  print("services", join(report.value().services));
  print("features", join(report.value().features));
  print("sent", request.payload);
  print("received", report.value().received);
  print("topic", base::quote(report.value().received_topic));
  print("time", milliseconds(report.value().round_trip) + " for the message, " +
                    milliseconds(report.value().init) + " for Init");
  return 0;
}

}  // namespace dapr_mqtt::app
