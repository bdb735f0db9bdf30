#include "dapr_mqtt/dapr/server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/server_posix.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "dapr/acceptor.h"
#include "dapr/completion_thread.h"
#include "dapr/health_service.h"
#include "dapr/instance_registry.h"
#include "dapr/listening_socket.h"
#include "dapr/pubsub_service.h"
#include "dapr/reflection_service.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::dapr {
namespace {

/// Calls of one connection at a time; more wait at the client. Well above the
/// streams of an app and the publishes that anybody keeps in flight.
constexpr int kMaxCallsPerConnection = 8192;
/// What is left of calls when instances and streams have been closed ends at
/// once; this is for the answers to be written.
constexpr std::chrono::seconds kShutdownGrace{1};

int to_int(std::size_t bytes) {
  return static_cast<int>(
      std::min(bytes, static_cast<std::size_t>(std::numeric_limits<int>::max())));
}

constexpr const char* kPubSub = wire::PubSub::service_full_name();

class GrpcServer final : public Server, private ConnectionHandler {
 public:
  GrpcServer(const ServerOptions& options, ListeningSocket socket,
             instance::InstanceFactory& factory, base::Logger& logger)
      : log_(logger),
        socket_(std::move(socket)),
        registry_(std::make_shared<InstanceRegistry>(factory, log_)),
        pubsub_(registry_, options.max_delivery_bytes, options.version, log_),
        reflection_({kPubSub, ReflectionService::Generated::service_full_name(),
                     HealthService::Generated::service_full_name()}),
        health_({"", kPubSub}),  // no name: the server as a whole
        acceptor_(socket_.fd(),
                  {{::geteuid(), options.allowed_uids, options.allow_any_uid},
                   options.max_connections},
                  *this, log_) {}
  ~GrpcServer() override { stop(std::chrono::steady_clock::now()); }

  base::Status begin(const ServerOptions& options) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&pubsub_.service());
    builder.RegisterService(&reflection_.service());
    builder.RegisterService(&health_.service());
    builder.SetMaxReceiveMessageSize(to_int(options.max_request_bytes));
    builder.SetMaxSendMessageSize(-1);  // bounded by max_delivery_bytes already
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxCallsPerConnection);
    calls_ = std::make_unique<CompletionThread>(builder.AddCompletionQueue(), log_);
    // No listening port: connections come from the acceptor.
    grpc_ = builder.BuildAndStart();
    if (!grpc_) return base::internal_error("gRPC could not start its server");
    pubsub_.open(*calls_);
    reflection_.open(*calls_);
    health_.open(*calls_);
    health_.set_serving(true);
    if (base::Status status = calls_->start(); !status.ok()) return status;
    return acceptor_.start();
  }

  void stop(base::TimePoint drain_deadline) override {
    if (std::exchange(stopped_, true)) return;
    // First of all, so that a daprd that starts now waits for our successor
    // instead of talking to us.
    socket_.remove_file();
    acceptor_.stop_accepting();
    health_.set_serving(false);
    registry_->refuse_new_calls();
    registry_->drain(drain_deadline);
    registry_->stop();
    // A descriptor handed over after Shutdown would never be closed.
    acceptor_.stop();
    health_.end_watches();
    if (calls_) calls_->ask_no_more();
    if (grpc_) grpc_->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
    if (calls_) calls_->stop();
  }

  void visit_instances(const std::function<void(std::string_view, const instance::Instance&)>&
                           visitor) const override {
    for (const auto& [name, instance] : registry_->instances()) visitor(name, *instance);
  }

 private:
  void on_connected(base::UniqueFd fd) override {
    registry_->connection_began(fd.get());
    grpc::AddInsecureChannelFromFd(grpc_.get(), fd.release());
  }
  void on_ended(ConnectionId connection) override { registry_->connection_ended(connection); }

  const base::Log log_;
  ListeningSocket socket_;
  const std::shared_ptr<InstanceRegistry> registry_;
  PubSubService pubsub_;
  ReflectionService reflection_;
  HealthService health_;
  std::unique_ptr<CompletionThread> calls_;
  std::unique_ptr<grpc::Server> grpc_;
  Acceptor acceptor_;
  bool stopped_ = false;
};

}  // namespace

base::Result<std::unique_ptr<Server>> Server::start(ServerOptions options,
                                                    instance::InstanceFactory& factory,
                                                    base::Logger& logger) {
  const base::Log log(logger);
  auto socket = ListeningSocket::open(options.socket_path, options.socket_mode, log);
  if (!socket.ok()) return socket.status();
  auto server =
      std::make_unique<GrpcServer>(options, std::move(socket).value(), factory, logger);
  if (base::Status status = server->begin(options); !status.ok()) return status;
  log.info("serving on " + base::quote(options.socket_path));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace dapr_mqtt::dapr
