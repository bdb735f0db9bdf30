#include "dapr/reflection_service.h"

#include <utility>

#include "dapr/reflection_answers.h"
#include "dapr/status_codes.h"
#include "dapr/stream_call.h"

namespace dapr_mqtt::dapr {
namespace {

constexpr std::size_t kReflectionRequests = 2;

using Wire = StreamWire<reflection::ServerReflectionRequest, reflection::ServerReflectionResponse>;

/// One stream: reads a request, writes its answer, reads the next. So one operation is open at a
/// time, and everything runs on one thread.
class Exchange final : public StreamHandler {
 public:
  Exchange(Wire& wire, const std::vector<std::string>& services)
      : wire_(wire), services_(services) {}

  void begin() { wire_.read(&request_); }

  void on_read(bool ok) override {
    if (!ok) return finish(grpc::Status::OK);
    wire_.write(answer(request_, services_), false);
  }
  void on_written(bool ok) override {
    if (!ok) return finish(grpc::Status::CANCELLED);
    wire_.read(&request_);
  }
  void on_done() override { delete this; }
  void end(const base::Status& status) override { finish(to_grpc(status)); }

 private:
  void finish(const grpc::Status& status) {
    if (!std::exchange(finished_, true)) wire_.finish(status);
  }

  Wire& wire_;
  const std::vector<std::string>& services_;
  reflection::ServerReflectionRequest request_;
  bool finished_ = false;
};

}  // namespace

ReflectionService::ReflectionService(std::vector<std::string> services)
    : services_(std::move(services)),
      method_(stream_method(service_, &Generated::AsyncService::RequestServerReflectionInfo,
                            kReflectionRequests,
                            [this](const grpc::ServerContext& /*context*/, Wire& wire) {
                              auto exchange = std::make_unique<Exchange>(wire, services_);
                              wire.attach(*exchange);
                              exchange.release()->begin();  // until on_done
                            })) {}

}  // namespace dapr_mqtt::dapr
