// Calls with one request and one answer, both as bytes.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "dapr/event.h"
#include "dapr/method.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/memory_budget.h"

namespace dapr_mqtt::dapr {

class RawMethod;

/// One call whose request is read by this class, not by gRPC's generated code. So the call is known
/// while its request is being read, can be refused then, and the size is known before the request
/// is parsed. The call keeps itself alive until its request has been read and while its answer is
/// being sent; in between, those who will answer it own it. A call that all of them have dropped is
/// cancelled.
class RawCall final : public std::enable_shared_from_this<RawCall> {
 public:
  explicit RawCall(RawMethod& method);
  ~RawCall();
  RawCall(const RawCall&) = delete;
  RawCall& operator=(const RawCall&) = delete;

  const std::string& name() const { return context_.method(); }  ///< "/service/method"
  grpc::ServerContext& context() { return context_; }
  /// For the handler, which may clear it.
  grpc::ByteBuffer& request() { return request_; }

  /// Keeps the request's reservation of memory until the call is answered.
  void hold(base::MemoryBudget::Reservation memory) { memory_ = std::move(memory); }

  /// refuse() and answer(): from any thread, also while the request is being read; the first one
  /// counts.
  void refuse(const grpc::Status& status);
  void answer(const grpc::ByteBuffer& response);

  /// Requests this call from gRPC; called by RawMethod::request_one() only.
  void request_call();

 private:
  friend class RawMethod;

  bool begin_answer();
  void arrived(bool ok);
  void read_ended(bool ok);
  void finished(bool ok);

  RawMethod& method_;
  const std::shared_ptr<QueueUse> use_;  // shared: an answer may come after the thread is destroyed
  grpc::GenericServerContext context_;
  grpc::ByteBuffer request_;
  base::MemoryBudget::Reservation memory_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
  EventOf<RawCall, &RawCall::arrived> arrived_{*this};
  EventOf<RawCall, &RawCall::read_ended> read_{*this};
  EventOf<RawCall, &RawCall::finished> finished_{*this};
  std::list<RawCall*>::iterator place_;  // in the method's being_read_
  base::TimePoint read_since_{};
  bool served_ = false;
  std::atomic<bool> answered_{false};
  std::shared_ptr<RawCall> reading_;    // itself, while gRPC reads its request
  std::shared_ptr<RawCall> answering_;  // itself, while gRPC sends its answer
};

/// Serves all methods that no other service of the server has.
class RawMethod final : public Method {
 public:
  using CallPtr = std::shared_ptr<RawCall>;
  /// Gets the call with its request. Must not block; answers at once or later. An exception becomes
  /// the answer.
  using Handler = std::function<void(const CallPtr&)>;

  RawMethod(grpc::AsyncGenericService& service, std::size_t requests, Handler handler);

  /// Whether requests are being read. To be called on the queue's thread, like the functions below.
  bool reading() const { return !being_read_.empty(); }
  /// Since when the oldest of them is being read. Only while reading().
  base::TimePoint reading_since() const { return being_read_.front()->read_since_; }
  /// Refuses the oldest requests, which have most of the bytes read so far: at least one and at
  /// most half of them. Returns how many. Requests that began in the second half of the oldest
  /// one's time are not refused: they may be small, and a small request is never read for long.
  std::size_t refuse_oldest(const grpc::Status& status, base::TimePoint now);

 private:
  friend class RawCall;
  void request_one() override;

  grpc::AsyncGenericService& service_;
  const Handler handle_;
  std::list<RawCall*> being_read_;  // oldest first, without refused ones
};

}  // namespace dapr_mqtt::dapr
