#include "mqtt/consumer.h"

#include <utility>

namespace dapr_mqtt::mqtt {

PahoConsumer::PahoConsumer(Connection::Settings settings, core::ConnectionListener& listener,
                           core::MessageSink& sink, core::PacketStore* packets, base::Log log,
                           std::shared_ptr<transport::Resolver> resolver)
    : connection_(std::move(settings), listener, &sink, packets, std::move(log),
                  std::move(resolver)) {}

void PahoConsumer::subscribe(const core::TopicFilter& filter, const core::SubscribeOptions& options,
                             Subscribed done) {
  const auto client = connection_.client();
  if (!client) return done(base::unavailable("not connected to the broker"));
  client->subscribe(filter, options, std::move(done));
}

void PahoConsumer::unsubscribe(const core::TopicFilter& filter, Unsubscribed done) {
  const auto client = connection_.client();
  if (!client) return done(base::unavailable("not connected to the broker"));
  client->unsubscribe(filter, std::move(done));
}

}  // namespace dapr_mqtt::mqtt
