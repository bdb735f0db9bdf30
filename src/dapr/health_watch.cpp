#include "dapr/health_watch.h"

#include <utility>

#include "dapr/health_service.h"
#include "dapr/inside_grpc.h"

namespace dapr_mqtt::dapr {

void HealthWatch::request_call() {
  self_ = shared_from_this();
  context_.AsyncNotifyWhenDone(gone_.tag());
  service_.request_watch(context_, request_, writer_, method_.thread().queue(), arrived_.tag());
}

void HealthWatch::arrived(bool ok) {
  method_.request_completed();
  if (!ok) {
    self_.reset();
    return;
  }
  if (!method_.thread().use()->begin()) {
    base::MutexLock lock(mutex_);
    end_status_ = grpc::Status::CANCELLED;  // not ours to finish any more
    operations_left_ = 1;                   // gone() alone
    return;
  }
  service_.add(self_);
  refresh();
}

void HealthWatch::refresh() {
  health::HealthCheckResponse response;
  {
    base::MutexLock lock(mutex_);
    if (writing_ || end_status_ || !begin_write(response)) return;
  }
  write(response);
}

bool HealthWatch::begin_write(health::HealthCheckResponse& response) {
  const auto status = service_.watched_status(request_.service());
  if (status == written_status_) return false;
  written_status_ = status;
  response.set_status(status);
  writing_ = true;
  return true;
}

/// While writing_ is set, finish() is not called.
void HealthWatch::write(const health::HealthCheckResponse& response) {
  void* const tag = written_.tag();
  const InsideGrpc inside;
  writer_.Write(response, tag);
}

void HealthWatch::end(const grpc::Status& status) {
  {
    base::MutexLock lock(mutex_);
    if (end_status_) return;
    end_status_ = status;
    if (writing_) return;  // written() finishes
  }
  finish(status);
}

void HealthWatch::finish(const grpc::Status& status) {
  void* const tag = finished_.tag();
  const InsideGrpc inside;
  writer_.Finish(status, tag);
}

void HealthWatch::written(bool ok) {
  std::optional<grpc::Status> end_status;
  bool writes_on = false;
  health::HealthCheckResponse change;
  {
    base::MutexLock lock(mutex_);
    writing_ = false;
    end_status = end_status_;
    // A change since the last write is still written before the stream ends.
    writes_on = ok && begin_write(change);
  }
  if (writes_on) {
    write(change);
  } else if (end_status) {
    finish(*end_status);
  }
  // If the write failed, the client is gone: gone() follows and ends the stream.
}

void HealthWatch::gone(bool /*ok*/) {
  end(grpc::Status::CANCELLED);
  operation_ended();
}

void HealthWatch::finished(bool /*ok*/) {
  method_.thread().use()->end();
  operation_ended();
}

void HealthWatch::operation_ended() {
  if (--operations_left_ > 0) return;
  const auto self = std::move(self_);
  service_.remove(self);
  method_.request_more();
}

}  // namespace dapr_mqtt::dapr
