#include "dapr_mqtt/mqtt/paho_client_factory.h"

#include <utility>

#include "mqtt/connection.h"
#include "mqtt/consumer.h"
#include "mqtt/paho_library.h"
#include "mqtt/paho_shims.h"
#include "mqtt/publisher.h"
#include "mqtt/resolver.h"

namespace dapr_mqtt::mqtt {
namespace {

class PahoClientFactory final : public core::BrokerClientFactory {
 public:
  explicit PahoClientFactory(const PahoClientOptions& options)
      : options_(options), resolver_(std::make_shared<Resolver>()) {
    PahoLibrary::instance();
  }

  std::unique_ptr<core::BrokerPublisher> make_publisher(core::ConnectionOptions options,
                                                        core::ConnectionListener& listener,
                                                        base::Log log) override {
    warn(options, log);
    return std::make_unique<PahoPublisher>(settings(std::move(options), "publisher"), listener,
                                           std::move(log), resolver_);
  }

  std::unique_ptr<core::BrokerConsumer> make_consumer(core::ConnectionOptions options,
                                                      core::ConnectionListener& listener,
                                                      core::MessageSink& sink,
                                                      core::PacketStore* packets,
                                                      base::Log log) override {
    warn(options, log);
    return std::make_unique<PahoConsumer>(settings(std::move(options), "consumer"), listener, sink,
                                          packets, std::move(log), resolver_);
  }

  base::SpareThread* sending_thread() override { return &shims::send_thread(); }

 private:
  Connection::Settings settings(core::ConnectionOptions options, const char* role) const {
    const bool clean_session = options.clean_session;
    return {std::move(options), role, clean_session, options_.backoff_initial,
            options_.backoff_max};
  }

  static void warn(const core::ConnectionOptions& options, const base::Log& log) {
    if (!shims::in_force()) {
      log.warn(
          "the MQTT library's loops are not sped up in this build: connecting may take seconds");
    }
    // WebSocket.c keeps one buffer and one list of frames for the whole process (1.3.12
    // and 1.3.14): what comes in pieces on one connection gets mixed with another's.
    for (const core::Endpoint& endpoint : options.endpoints) {
      if (endpoint.transport == core::Transport::kWebSocket ||
          endpoint.transport == core::Transport::kWebSocketTls) {
        log.warn(endpoint.str() +
                 ": over WebSocket the MQTT library can lose the connection when a message comes "
                 "in several "
                 "pieces (from about 4 KiB); prefer tcp:// or ssl://");
      }
    }
  }

  const PahoClientOptions options_;
  const std::shared_ptr<Resolver> resolver_;
};

}  // namespace

std::unique_ptr<core::BrokerClientFactory> make_paho_client_factory(
    const PahoClientOptions& options) {
  return std::make_unique<PahoClientFactory>(options);
}

}  // namespace dapr_mqtt::mqtt
