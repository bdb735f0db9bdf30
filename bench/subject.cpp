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

}  // namespace

Running::Running(const Subject& subject, const std::string& broker_url,
                 const testing::Properties& metadata)
    : process_(std::make_unique<testing::ChildProcess>(
          arguments(subject.program, folder_.path()))) {
  const std::string socket = folder_.path() + "/mqtt.sock";
  client_.emplace("unix:" + socket);
  testing::Properties all{{"url", broker_url}, {"consumerID", "bench"}};
  all.insert(subject.metadata.begin(), subject.metadata.end());
  for (const auto& [key, value] : metadata) all.insert_or_assign(key, value);
  constexpr std::chrono::seconds kStart{20};
  client_->channel()->WaitForConnected(std::chrono::system_clock::now() + kStart);
  if (const grpc::Status status = client_->init(all); !status.ok()) {
    throw std::runtime_error(subject.name + ": " + status.error_message() + "\n" + output());
  }
}

}  // namespace dapr_mqtt::bench
