#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <utility>

#include "dapr/event.h"
#include "dapr/inside_grpc.h"
#include "dapr/method.h"
#include "dapr/status_codes.h"
#include "dapr/stream_wire.h"

namespace dapr_mqtt::dapr {

template <typename Request, typename Response>
class StreamMethod;

/// The gRPC side of one stream, from the request for it on. It deletes itself when all operations
/// have completed.
template <typename Request, typename Response>
class StreamCall final : public StreamWire<Request, Response> {
 public:
  using Method = StreamMethod<Request, Response>;

  explicit StreamCall(Method& method) : method_(method) {}

  /// Requests this stream from gRPC; called by StreamMethod::request_one() only.
  void request_call() { method_.request_from_grpc(context_, stream_, arrived_.tag()); }

  void attach(StreamHandler& handler) override { handler_ = &handler; }
  void read(Request* message) override {
    reading_ = true;
    void* const tag = read_.tag();
    const InsideGrpc inside;
    stream_.Read(message, tag);
  }
  void write(const Response& message, bool more) override {
    grpc::WriteOptions options;
    if (more) options.set_buffer_hint();
    void* const tag = written_.tag();
    const InsideGrpc inside;
    stream_.Write(message, options, tag);
  }
  void finish(const grpc::Status& status) override {
    void* const tag = finished_.tag();
    const InsideGrpc inside;
    stream_.Finish(status, tag);
  }

 private:
  void arrived(bool ok) {
    method_.request_completed();
    if (!ok || !method_.thread().use()->begin()) {
      delete this;
      return;
    }
    guard([&] { method_.begin(context_, *this); });
  }
  void read_answered(bool ok) {
    reading_ = false;
    guard([&] { handler_->on_read(ok); });
    end_if_over();
  }
  void write_answered(bool ok) {
    guard([&] { handler_->on_written(ok); });
  }
  /// Called after the last write has completed, since no write is open at finish().
  void finished(bool /*ok*/) {
    finished_already_ = true;
    end_if_over();
  }

  /// An exception ends this stream only; it must not reach other calls.
  template <typename F>
  void guard(F&& call) {
    base::Status failure;
    try {
      return call();
    } catch (const std::bad_alloc&) {
      failure = base::resource_exhausted("out of memory");
    } catch (const std::exception& error) {
      failure = base::internal_error(error.what());
    }
    if (handler_ != nullptr) {
      handler_->end(failure);
    } else {
      finish(to_grpc(failure));
    }
  }
  void end_if_over() {
    if (!finished_already_ || reading_) return;
    method_.thread().use()->end();
    method_.request_more();
    if (handler_ != nullptr) handler_->on_done();
    delete this;
  }

  Method& method_;
  StreamHandler* handler_ = nullptr;
  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<Response, Request> stream_{&context_};
  EventOf<StreamCall, &StreamCall::arrived> arrived_{*this};
  EventOf<StreamCall, &StreamCall::read_answered> read_{*this};
  EventOf<StreamCall, &StreamCall::write_answered> written_{*this};
  EventOf<StreamCall, &StreamCall::finished> finished_{*this};
  // Used on the queue's thread only.
  bool reading_ = false;
  bool finished_already_ = false;
};

template <typename Request, typename Response>
class StreamMethod final : public Method {
 public:
  using Call = StreamCall<Request, Response>;
  /// Makes the handler and attaches it to the wire; then begins to read, or finishes.
  using Begin = std::function<void(const grpc::ServerContext&, StreamWire<Request, Response>&)>;
  using RequestCall =
      std::function<void(grpc::ServerContext&, grpc::ServerAsyncReaderWriter<Response, Request>&,
                         grpc::ServerCompletionQueue*, void* tag)>;

  StreamMethod(std::size_t requests, RequestCall request, Begin begin_stream)
      : Method(requests), begin(std::move(begin_stream)), request_call_(std::move(request)) {}

  void request_from_grpc(grpc::ServerContext& context,
                         grpc::ServerAsyncReaderWriter<Response, Request>& stream, void* tag) {
    request_call_(context, stream, thread().queue(), tag);
  }

  const Begin begin;

 private:
  void request_one() override {
    // The call is the target of an event from here on, and deletes itself.
    auto call = std::make_unique<Call>(*this);
    call.release()->request_call();
  }

  const RequestCall request_call_;
};

/// As unary_method().
template <typename Service, typename Base, typename Request, typename Response>
std::unique_ptr<Method> stream_method(
    Service& service,
    void (Base::*request)(grpc::ServerContext*, grpc::ServerAsyncReaderWriter<Response, Request>*,
                          grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*),
    std::size_t requests,
    std::type_identity_t<typename StreamMethod<Request, Response>::Begin> begin) {
  return std::make_unique<StreamMethod<Request, Response>>(
      requests,
      [&service, request](grpc::ServerContext& context,
                          grpc::ServerAsyncReaderWriter<Response, Request>& stream,
                          grpc::ServerCompletionQueue* queue,
                          void* tag) { (service.*request)(&context, &stream, queue, queue, tag); },
      std::move(begin));
}

}  // namespace dapr_mqtt::dapr
