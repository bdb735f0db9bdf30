#include "app/probe.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/component_choice.h"
#include "app/input.h"
#include "app/print.h"
#include "app/progress.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/dapr/probe.h"

namespace dapr_mqtt::app {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

/// A CloudEvent (version 1.0, JSON format) as daprd makes it from what an app publishes.
std::string cloud_event(const std::string& id) {
  return R"({"specversion":"1.0","type":"com.dapr.event.sent","source":"dapr-pubsub-mqtt",)"
         R"("id":")" +
         id + R"(","datacontenttype":"application/json","data":{"hello":"world"}})";
}

std::string join(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : " ") + text;
  return out;
}

void print(const char* name, const std::string& value) {
  std::printf("%-10s%s\n", name, value.c_str());
}

std::string dump(const nlohmann::ordered_json& json) {
  // Payloads may be any bytes.
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

/// The metadata for the probe's own instance: the user's, but with client IDs and a session of its
/// own and without a consumer group, so that it takes no connection and no message from a running
/// component.
base::Result<core::Metadata> metadata_for(const ProbeTarget& target, const std::string& id) {
  core::Metadata metadata;
  if (target.file.empty()) {
    metadata["url"] = target.url;
  } else {
    auto component = choose_component(target.file, target.component);
    if (!component.ok()) return component.status();
    for (const auto& [key, value] : component.value().metadata) {
      const std::string name = base::to_lower(key);
      if (name == "consumerid" || name == "clientid" || name == "clientidpublisher" ||
          name == "cleansession" || name == "consumergroup") {
        continue;
      }
      metadata[key] = value;
    }
  }
  metadata["consumerID"] = id;
  return metadata;
}

base::Result<std::unique_ptr<dapr::ProbeClient>> start_instance(
    const std::string& socket, const ProbeTarget& target, dapr::ProbeClient::Deadline deadline) {
  const std::string id = "probe-" + random_suffix();
  const auto metadata = metadata_for(target, id);
  if (!metadata.ok()) return metadata.status();
  const Progress progress("waiting for the component to connect to the broker");
  auto client = dapr::ProbeClient::connect(socket, id, deadline);
  if (!client.ok()) return client;
  if (base::Status status = client.value()->init(metadata.value()); !status.ok()) return status;
  return client;
}

void print_message(const dapr::PulledMessage& message, bool json) {
  // message.topic is the filter as subscribed; with a wildcard, the metadata has the real topic.
  const auto real = message.metadata.find("mqtt-topic");
  const std::string& topic = real != message.metadata.end() ? real->second : message.topic;
  if (json) {
    std::printf(
        "%s\n",
        dump({{"topic", topic}, {"data", message.data}, {"metadata", message.metadata}}).c_str());
  } else {
    std::printf("%s ", topic.c_str());
    std::fwrite(message.data.data(), 1, message.data.size(), stdout);
    std::printf("\n");
  }
  std::fflush(stdout);
}

}  // namespace

int run(const ProbeStatusCommand& command) {
  constexpr std::chrono::milliseconds kBetweenLooks{50};
  const auto deadline = system_clock::now() + command.timeout;
  Progress progress("waiting for the component");
  const auto first = steady_clock::now();
  auto begin = first;
  auto client = dapr::ProbeClient::connect(command.socket, "probe", deadline);
  while (command.wait && client.status().kind() == base::ErrorKind::kUnavailable &&
         steady_clock::now() + kBetweenLooks < first + command.timeout) {
    std::this_thread::sleep_for(kBetweenLooks);
    begin = steady_clock::now();
    client = dapr::ProbeClient::connect(command.socket, "probe", deadline);
  }
  const auto answer =
      client.ok() ? client.value()->ping() : base::Result<dapr::PingAnswer>(client.status());
  progress.end();
  if (!answer.ok()) return fail(answer.status());
  const auto& [version, missed_restart] = answer.value();
  if (!command.alive && !missed_restart.empty()) return fail(base::unavailable(missed_restart));
  const auto time = duration_cast<microseconds>(steady_clock::now() - begin);
  if (command.json) {
    std::printf("%s\n", dump({{"socket", command.socket},
                              {"version", version},
                              {"services", client.value()->services()},
                              {"microseconds", time.count()}})
                            .c_str());
    return 0;
  }
  print("socket", command.socket);
  print("version", version.empty() ? "not reported: this is another component" : version);
  print("services", join(client.value()->services()));
  print("ping", "answered in " + milliseconds(time));
  return 0;
}

int run(const ProbePublishCommand& command) {
  std::string data;
  if (command.data) {
    data = *command.data;
  } else {
    auto input = read_input("-");
    if (!input.ok()) return fail(input.status());
    data = std::move(input).value();
  }
  const auto client =
      start_instance(command.socket, command.target, system_clock::now() + command.timeout);
  if (!client.ok()) return fail(client.status());
  Progress progress("waiting for the broker");
  const auto begin = steady_clock::now();
  const base::Status status = client.value()->publish(
      command.topic, data, {{"qos", command.qos}, {"retain", command.retain ? "true" : "false"}});
  progress.end();
  if (!status.ok()) return fail(status);
  print("published", std::to_string(data.size()) + " bytes to " + base::quote(command.topic) +
                         " at qos " + command.qos + " in " +
                         milliseconds(duration_cast<microseconds>(steady_clock::now() - begin)));
  return 0;
}

int run(const ProbeSubscribeCommand& command) {
  dapr::ProbeClient::Deadline deadline;
  if (command.timeout) deadline = system_clock::now() + *command.timeout;
  const auto client = start_instance(command.socket, command.target, deadline);
  if (!client.ok()) return fail(client.status());
  std::size_t left = command.count.value_or(0);
  const auto opened = [&] {
    std::fprintf(stderr, "waiting for messages of %s\n", base::quote(command.filter).c_str());
    return base::Status();
  };
  const base::Status status = client.value()->pull(
      command.filter, {{"qos", command.qos}}, opened,
      [&](const dapr::PulledMessage& message) {
        print_message(message, command.json);
        return !command.count || --left > 0;
      },
      command.failure);
  if (status.kind() == base::ErrorKind::kDeadlineExceeded) {
    return fail(base::deadline_exceeded("no more messages of " + base::quote(command.filter) +
                                        " within the timeout"));
  }
  return status.ok() ? 0 : fail(status);
}

int run(const ProbeRoundTripCommand& command) {
  const std::string id = "probe-" + random_suffix();
  dapr::ProbeRequest request;
  request.socket_path = command.socket;
  request.component_name = id;
  request.metadata = {{"url", command.url}, {"consumerID", id}, {"qos", "1"}};
  request.topic = command.topic.empty() ? "dapr-mqtt-" + id : command.topic;
  request.payload = cloud_event(id);
  request.count = command.count;
  request.timeout = command.timeout;

  const auto report = [&] {
    const Progress progress("waiting for the message to come back");
    return dapr::round_trip(request);
  }();
  if (!report.ok()) return fail(report.status());
  print("services", join(report.value().services));
  print("features", join(report.value().features));
  print("sent", request.payload);
  print("received", report.value().received);
  print("topic", base::quote(report.value().received_topic));
  for (const auto time : report.value().round_trips) {
    print("time", milliseconds(time) + " for the message");
  }
  print("init", milliseconds(report.value().init));
  return 0;
}

}  // namespace dapr_mqtt::app
