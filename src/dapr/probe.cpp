#include "dapr_mqtt/dapr/probe.h"

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::dapr {

base::Result<ProbeReport> round_trip(const ProbeRequest& request) {
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  using std::chrono::steady_clock;

  auto connected = ProbeClient::connect(request.socket_path, request.component_name,
                                        std::chrono::system_clock::now() + request.timeout);
  if (!connected.ok()) return connected.status();
  ProbeClient& client = *connected.value();
  ProbeReport report;
  report.services = client.services();

  auto begin = steady_clock::now();
  if (base::Status status = client.init(request.metadata); !status.ok()) return status;
  report.init = duration_cast<microseconds>(steady_clock::now() - begin);
  auto features = client.features();
  if (!features.ok()) return features.status();
  report.features = std::move(features).value();

  const auto send = [&] {
    begin = steady_clock::now();
    return client.publish(request.topic, request.payload, {});
  };
  base::Status sent;
  const base::Status status = client.pull(request.topic, {}, send, [&](PulledMessage message) {
    if (message.data != request.payload) {
      ++report.others;
      return true;
    }
    report.round_trips.push_back(duration_cast<microseconds>(steady_clock::now() - begin));
    report.received = std::move(message.data);
    report.received_topic = std::move(message.topic);
    report.received_metadata = std::move(message.metadata);
    if (report.round_trips.size() >= request.count) return false;
    sent = send();
    return sent.ok();
  });
  if (!sent.ok()) return sent;
  if (report.round_trips.size() < request.count &&
      status.kind() == base::ErrorKind::kDeadlineExceeded) {
    return base::deadline_exceeded("the message published to " + base::quote(request.topic) +
                                   " did not come back in time; is the MQTT user allowed to "
                                   "subscribe to it?");
  }
  if (!status.ok()) return status;
  return report;
}

}  // namespace dapr_mqtt::dapr
