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
#include "dapr/memory_guard.h"
#include "dapr/pubsub_service.h"
#include "dapr/reflection_service.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::dapr {
namespace {

/// The maximum of calls on one connection at a time; more wait at the client. Far more than the
/// streams of an app and its publishes in flight.
constexpr int kMaxCallsPerConnection = 8192;
/// When instances and streams have been closed, all calls have an answer; this is the time for
/// writing the answers.
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
        registry_(std::make_shared<InstanceRegistry>(
            factory, options.socket_path, options.on_missed_init, options.idle_after, log_)),
        memory_(options.memory, log_),
        pubsub_(registry_, memory_, options.max_delivery_bytes, options.version, log_),
        reflection_({kPubSub, ReflectionService::Generated::service_full_name(),
                     HealthService::Generated::service_full_name()}),
        health_({"", kPubSub}),  // no name: the server as a whole
        acceptor_(
            socket_.fd(),
            {{::geteuid(), options.allowed_uids, options.allow_any_uid}, options.max_connections},
            *this, log_) {}
  ~GrpcServer() override { stop(std::chrono::steady_clock::now()); }

  base::Status begin(const ServerOptions& options) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&pubsub_.service());
    builder.RegisterAsyncGenericService(&pubsub_.raw_service());
    builder.RegisterService(&reflection_.service());
    builder.RegisterService(&health_.service());
    // gRPC checks this limit only after it has read the message; memory_ protects the memory.
    builder.SetMaxReceiveMessageSize(to_int(options.max_request_bytes));
    builder.SetMaxSendMessageSize(-1);  // bounded by max_delivery_bytes already
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxCallsPerConnection);
    calls_ = std::make_unique<CompletionThread>(builder.AddCompletionQueue(), log_);
    calls_->set_watch(memory_);
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
    // This comes first, so that a daprd that starts now waits for the next process instead of
    // connecting to this one.
    socket_.remove_file();
    acceptor_.stop_accepting();
    health_.set_serving(false);
    // An app may take seconds for the messages that it has; its publishes are accepted meanwhile.
    // The last quarter of the time is for publishes that are still in flight after that.
    const base::TimePoint now = std::chrono::steady_clock::now();
    registry_->drain(now + std::max(drain_deadline - now, base::Duration(0)) * 3 / 4);
    registry_->refuse_new_calls();
    registry_->drain(drain_deadline);
    registry_->stop();
    // The acceptor stops before Shutdown(): a descriptor handed over later would never be closed.
    acceptor_.stop();
    health_.end_watches();
    if (calls_) calls_->stop_requesting();
    if (grpc_) grpc_->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
    if (calls_) calls_->stop();
  }

  std::string mark_prefix() const override { return registry_->marks().prefix(); }
  bool has_mark(std::string_view mark) const override { return registry_->has_mark(mark); }
  bool any_mark() const override { return registry_->marks().any(); }
  void set_missed_restart(std::string notice, bool init_expected) override {
    registry_->missed_inits().set_notice(std::move(notice), init_expected);
  }
  base::Status missed_restart() const override { return registry_->missed_inits().status(); }

  void visit_instances(const std::function<void(std::string_view, const instance::Instance&)>&
                           visitor) const override {
    for (const auto& [name, instance] : registry_->instances()) visitor(name, *instance);
  }

 private:
  void on_connected(base::UniqueFd fd) override {
    registry_->connection_began(fd.get(), PeerProcess::of(fd.get()));
    grpc::AddInsecureChannelFromFd(grpc_.get(), fd.release());
  }
  void on_ended(ConnectionId connection) override { registry_->connection_ended(connection); }

  const base::Log log_;
  ListeningSocket socket_;
  const std::shared_ptr<InstanceRegistry> registry_;
  MemoryGuard memory_;
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
  auto server = std::make_unique<GrpcServer>(options, std::move(socket).value(), factory, logger);
  if (base::Status status = server->begin(options); !status.ok()) return status;
  log.info("serving on " + base::quote(options.socket_path));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace dapr_mqtt::dapr
