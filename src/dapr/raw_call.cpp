#include "dapr/raw_call.h"

#include <exception>
#include <new>

#include "dapr/inside_grpc.h"

namespace dapr_mqtt::dapr {

RawCall::RawCall(RawMethod& method) : method_(method), use_(method.thread().use()) {}

RawCall::~RawCall() {
  if (served_ && !answered_) context_.TryCancel();
}

bool RawCall::begin_answer() {
  if (answered_.exchange(true, std::memory_order_acq_rel)) return false;
  memory_.release();
  if (!use_->begin()) return false;
  answering_ = shared_from_this();
  return true;
}

void RawCall::refuse(const grpc::Status& status) {
  if (!begin_answer()) return;
  void* const tag = finished_.tag();
  const InsideGrpc inside;
  stream_.Finish(status, tag);
}

void RawCall::answer(const grpc::ByteBuffer& response) {
  if (!begin_answer()) return;
  void* const tag = finished_.tag();
  const InsideGrpc inside;
  stream_.WriteAndFinish(response, grpc::WriteOptions(), grpc::Status::OK, tag);
}

void RawCall::request_call() {
  reading_ = shared_from_this();
  auto* const queue = method_.thread().queue();
  method_.service_.RequestCall(&context_, &stream_, queue, queue, arrived_.tag());
}

void RawCall::arrived(bool ok) {
  const auto self = std::move(reading_);
  // This comes first, so that a waiting call need not wait for the code below.
  method_.request_completed();
  if (!ok || !use_->begin()) return;
  served_ = true;
  read_since_ = std::chrono::steady_clock::now();
  place_ = method_.being_read_.insert(method_.being_read_.end(), this);
  reading_ = self;
  void* const tag = read_.tag();
  const InsideGrpc inside;
  stream_.Read(&request_, tag);
}

void RawCall::read_ended(bool ok) {
  const auto self = std::move(reading_);
  use_->end();
  if (place_ != method_.being_read_.end()) method_.being_read_.erase(place_);
  if (answered_) {  // refused while it was read: its bytes are not needed
    request_.Clear();
    return;
  }
  if (!ok) {
    // The caller is gone, or gRPC has refused the request itself; then that answer is the one sent.
    return refuse(grpc::Status(grpc::StatusCode::INTERNAL, "the call has no request"));
  }
  try {
    method_.handle_(self);
  } catch (const std::bad_alloc&) {
    refuse(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "out of memory"));
  } catch (const std::exception& error) {
    refuse(grpc::Status(grpc::StatusCode::INTERNAL, error.what()));
  }
}

void RawCall::finished(bool /*ok*/) {
  const auto self = std::move(answering_);
  use_->end();
  method_.request_more();
}

RawMethod::RawMethod(grpc::AsyncGenericService& service, std::size_t requests, Handler handler)
    : Method(requests), service_(service), handle_(std::move(handler)) {}

void RawMethod::request_one() { std::make_shared<RawCall>(*this)->request_call(); }

std::size_t RawMethod::refuse_oldest(const grpc::Status& status, base::TimePoint now) {
  const std::size_t most = (being_read_.size() + 1) / 2;
  const base::TimePoint begun_until = now - (now - reading_since()) / 2;
  std::size_t count = 0;
  while (count < most && being_read_.front()->read_since_ <= begun_until) {
    RawCall* const call = being_read_.front();
    being_read_.pop_front();
    call->place_ = being_read_.end();
    call->refuse(status);
    ++count;
  }
  return count;
}

}  // namespace dapr_mqtt::dapr
