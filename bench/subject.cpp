#include "subject.h"

#include <chrono>
#include <stdexcept>

namespace dapr_mqtt::bench {
namespace {

std::vector<std::string> arguments(const Program& program, const std::string& folder) {
  if (program.kind == Program::Kind::kServer) return {program.executable, folder + "/mqtt.sock"};
  return {program.executable, "serve", "--log-level", "info",   "--socket-folder", folder,
          "--state-dir",      folder + "/state"};
}

testing::Properties over(testing::Properties base, const testing::Properties& more) {
  for (const auto& [key, value] : more) base.insert_or_assign(key, value);
  return base;
}

}  // namespace

Running::Running(const Subject& subject, const std::string& broker_url,
                 const testing::Properties& metadata)
    : process_(std::make_unique<testing::ChildProcess>(
          arguments(subject.program, folder_.path()))),
      name_(subject.name),
      address_("unix:" + folder_.path() + "/mqtt.sock"),
      metadata_(over(over({{"url", broker_url}, {"consumerID", "bench"}}, subject.metadata),
                     metadata)),
      client_(instance("pubsub", {})) {}

testing::ComponentClient& Running::add_instance(const testing::Properties& metadata) {
  more_.push_back(instance("pubsub-" + std::to_string(more_.size()), metadata));
  return *more_.back();
}

std::unique_ptr<testing::ComponentClient> Running::instance(const std::string& name,
                                                            const testing::Properties& metadata) {
  auto client = std::make_unique<testing::ComponentClient>(address_, name);
  constexpr std::chrono::seconds kStart{20};
  client->channel()->WaitForConnected(std::chrono::system_clock::now() + kStart);
  if (const grpc::Status status = client->init(over(metadata_, metadata)); !status.ok()) {
    throw std::runtime_error(name_ + ": " + status.error_message() + "\n" + process_->output());
  }
  return client;
}

}  // namespace dapr_mqtt::bench
