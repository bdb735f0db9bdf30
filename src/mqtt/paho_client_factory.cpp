#include "dapr_mqtt/mqtt/paho_client_factory.h"

#include <utility>

#include "dapr_mqtt/transport/resolver.h"
#include "mqtt/connection.h"
#include "mqtt/consumer.h"
#include "mqtt/paho_library.h"
#include "mqtt/publisher.h"
#include "mqtt/send_thread.h"

namespace dapr_mqtt::mqtt {
namespace {

class PahoClientFactory final : public core::BrokerClientFactory {
 public:
  explicit PahoClientFactory(const PahoClientOptions& options)
      : options_(options), resolver_(std::make_shared<transport::Resolver>()) {
    PahoLibrary::ignore_environment();
    PahoLibrary::instance();
  }

  std::unique_ptr<core::BrokerPublisher> make_publisher(core::ConnectionOptions options,
                                                        core::ConnectionListener& listener,
                                                        base::Log log) override {
    return std::make_unique<PahoPublisher>(settings(std::move(options), "publisher"), listener,
                                           std::move(log), resolver_);
  }

  std::unique_ptr<core::BrokerConsumer> make_consumer(core::ConnectionOptions options,
                                                      core::ConnectionListener& listener,
                                                      core::MessageSink& sink,
                                                      core::PacketStore* packets,
                                                      base::Log log) override {
    return std::make_unique<PahoConsumer>(settings(std::move(options), "consumer"), listener, sink,
                                          packets, std::move(log), resolver_);
  }

 private:
  Connection::Settings settings(core::ConnectionOptions options, const char* role) const {
    const bool clean_session = options.clean_session;
    return {std::move(options), role, clean_session, options_.backoff_initial,
            options_.backoff_max};
  }

  const PahoClientOptions options_;
  const std::shared_ptr<transport::Resolver> resolver_;
};

}  // namespace

base::SpareThread& sending_thread() { return send_thread(); }

std::unique_ptr<core::BrokerClientFactory> make_paho_client_factory(
    const PahoClientOptions& options) {
  return std::make_unique<PahoClientFactory>(options);
}

}  // namespace dapr_mqtt::mqtt
