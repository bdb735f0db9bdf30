#include "dapr_mqtt/inspect/share_check.h"

#include <utility>

#include "inspect/link.h"

namespace dapr_mqtt::inspect {
namespace {

using std::chrono::seconds;

constexpr seconds kAnswer{5};
/// In a cluster, the node that gets the message may not know of the subscription yet.
constexpr int kTries = 2;
constexpr seconds kArrival{2};

}  // namespace

base::Result<bool> treats_share_as_topic(core::BrokerClientFactory& factory, const base::Log& log,
                                         core::ConnectionOptions connection,
                                         const std::string& suffix, const std::stop_token& stop) {
  const std::string name = std::string(kShareCheckTopics) + suffix;
  const auto topic = core::TopicName::parse(name);
  const auto filter = core::TopicFilter::parse(name);
  if (!topic.ok()) return topic.status();
  if (!filter.ok()) return filter.status();
  connection.client_id += "-check-" + suffix;
  connection.clean_session = true;
  connection.will.reset();
  connection.connect_timeout = kAnswer;
  connection.first_connect_timeout.reset();
  const auto with_id = [&](const char* end) {
    core::ConnectionOptions out = connection;
    out.client_id += end;
    return out;
  };

  ConsumerLink member(factory, log, with_id("-g"), stop);
  if (const auto made = member.connect(kAnswer); !made.ok()) return made.status();
  const auto granted = member.subscribe(filter.value(), core::QoS::kAtMostOnce, kAnswer);
  if (!granted.ok()) return granted.status();
  PublisherLink publisher(factory, log, with_id("-p"), stop);
  if (const auto made = publisher.connect(kAnswer); !made.ok()) return made.status();
  // Readable, since a client that records all topics may get it.
  const std::string text = "dapr-pubsub-mqtt: does this broker have shared subscriptions?";
  for (int i = 0; i < kTries; ++i) {
    const base::Status sent =
        publisher.publish({topic.value(), text, core::QoS::kAtMostOnce, false, nullptr}, kAnswer);
    if (!sent.ok()) return sent;
    if (member.received().wait(text, kArrival, stop)) return true;
    if (stop.stop_requested()) return base::cancelled("stopped");
  }
  return false;
}

}  // namespace dapr_mqtt::inspect
