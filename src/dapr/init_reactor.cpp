#include "dapr/init_reactor.h"

#include <utility>

#include "dapr/status_codes.h"

namespace dapr_mqtt::dapr {

grpc::ServerUnaryReactor* InitReactor::begin(std::shared_ptr<InstanceRegistry> registry,
                                             InstanceKey key, core::Metadata metadata) {
  auto* reactor = new InitReactor(std::move(registry), std::move(key));
  // Stays alive until it is finished, which only this does.
  reactor->registry_->init(
      reactor->key_, std::move(metadata), reactor->call_,
      [reactor](const base::Status& status) { reactor->Finish(to_grpc(status)); });
  return reactor;
}

}  // namespace dapr_mqtt::dapr
