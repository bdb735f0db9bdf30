// Calls with one request and one answer.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "dapr/event.h"
#include "dapr/inside_grpc.h"
#include "dapr/method.h"

namespace dapr_mqtt::dapr {

template <typename Request, typename Response>
class UnaryMethod;

/// One call, from the request for it on. It keeps itself alive until it arrives and while its
/// answer is being sent; in between, those who will answer it own it. A call that all of them have
/// dropped is cancelled.
template <typename Request, typename Response>
class UnaryCall final : public std::enable_shared_from_this<UnaryCall<Request, Response>> {
 public:
  using Method = UnaryMethod<Request, Response>;

  explicit UnaryCall(Method& method) : method_(method), use_(method.thread().use()) {}
  ~UnaryCall() {
    if (served_ && !answered_) context_.TryCancel();
  }
  UnaryCall(const UnaryCall&) = delete;
  UnaryCall& operator=(const UnaryCall&) = delete;

  grpc::ServerContext& context() { return context_; }
  Request& request() { return request_; }
  Response& response() { return response_; }

  /// From any thread; the first call counts. Response and context must not be used after it.
  void answer(const grpc::Status& status) {
    if (answered_.exchange(true, std::memory_order_acq_rel)) return;
    if (!use_->begin()) return;
    self_ = this->shared_from_this();
    void* const tag = finished_.tag();
    const InsideGrpc inside;
    writer_.Finish(response_, status, tag);
  }

  /// `callback` runs on the queue's thread when the caller gave up, or could not be reached, before
  /// it had the answer. To be called in the handler, for methods with Cancellation::kReported.
  void when_cancelled(std::function<void()> callback) { cancelled_ = std::move(callback); }

  /// Requests this call from gRPC; called by UnaryMethod::request_one() only.
  void request_call() {
    self_ = this->shared_from_this();
    if (method_.cancellation == Method::Cancellation::kReported) {
      context_.AsyncNotifyWhenDone(ended_.tag());
    }
    method_.request_from_grpc(context_, request_, writer_, arrived_.tag());
  }

 private:
  void arrived(bool ok) {
    const auto self = std::move(self_);
    // This comes first, so that a waiting call need not wait for the handler below.
    method_.request_completed();
    if (!ok) return;
    served_ = true;
    if (method_.cancellation == Method::Cancellation::kReported) until_end_ = self;
    try {
      method_.handle(self);
    } catch (const std::bad_alloc&) {
      answer(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "out of memory"));
    } catch (const std::exception& error) {
      answer(grpc::Status(grpc::StatusCode::INTERNAL, error.what()));
    }
  }
  void finished(bool /*ok*/) {
    const auto self = std::move(self_);
    use_->end();
    method_.request_more();
  }
  /// The event of gRPC's AsyncNotifyWhenDone: comes once for each call that arrived.
  void ended(bool /*ok*/) {
    const auto self = std::move(until_end_);
    if (cancelled_ && context_.IsCancelled()) cancelled_();
  }

  Method& method_;
  const std::shared_ptr<QueueUse> use_;  // shared: an answer may come after the thread is destroyed
  grpc::ServerContext context_;
  Request request_;
  Response response_;
  grpc::ServerAsyncResponseWriter<Response> writer_{&context_};
  EventOf<UnaryCall, &UnaryCall::arrived> arrived_{*this};
  EventOf<UnaryCall, &UnaryCall::finished> finished_{*this};
  EventOf<UnaryCall, &UnaryCall::ended> ended_{*this};
  bool served_ = false;
  std::atomic<bool> answered_{false};
  std::shared_ptr<UnaryCall> self_;       // itself, while gRPC has it
  std::shared_ptr<UnaryCall> until_end_;  // itself, until gRPC has reported the end
  std::function<void()> cancelled_;
};

template <typename Request, typename Response>
class UnaryMethod final : public Method {
 public:
  using Call = UnaryCall<Request, Response>;
  using CallPtr = std::shared_ptr<Call>;
  /// Must not block; answers at once or later. An exception becomes the answer.
  using Handler = std::function<void(const CallPtr&)>;
  using RequestCall =
      std::function<void(grpc::ServerContext&, Request&, grpc::ServerAsyncResponseWriter<Response>&,
                         grpc::ServerCompletionQueue*, void* tag)>;
  enum class Cancellation { kIgnored, kReported };

  UnaryMethod(std::size_t requests, Cancellation how, RequestCall request, Handler handler)
      : Method(requests),
        cancellation(how),
        handle(std::move(handler)),
        request_call_(std::move(request)) {}

  void request_from_grpc(grpc::ServerContext& context, Request& request,
                         grpc::ServerAsyncResponseWriter<Response>& writer, void* tag) {
    request_call_(context, request, writer, thread().queue(), tag);
  }

  const Cancellation cancellation;
  const Handler handle;

 private:
  void request_one() override { std::make_shared<Call>(*this)->request_call(); }

  const RequestCall request_call_;
};

/// Makes a method of `service`, a generated AsyncService. `request` is the service's member
/// function Request<method>.
template <typename Service, typename Base, typename Request, typename Response>
std::unique_ptr<Method> unary_method(
    Service& service,
    void (Base::*request)(grpc::ServerContext*, Request*,
                          grpc::ServerAsyncResponseWriter<Response>*, grpc::CompletionQueue*,
                          grpc::ServerCompletionQueue*, void*),
    std::size_t requests,
    std::type_identity_t<typename UnaryMethod<Request, Response>::Handler> handler,
    typename UnaryMethod<Request, Response>::Cancellation cancellation =
        UnaryMethod<Request, Response>::Cancellation::kIgnored) {
  return std::make_unique<UnaryMethod<Request, Response>>(
      requests, cancellation,
      [&service, request](grpc::ServerContext& context, Request& message,
                          grpc::ServerAsyncResponseWriter<Response>& writer,
                          grpc::ServerCompletionQueue* queue, void* tag) {
        (service.*request)(&context, &message, &writer, queue, queue, tag);
      },
      std::move(handler));
}

}  // namespace dapr_mqtt::dapr
