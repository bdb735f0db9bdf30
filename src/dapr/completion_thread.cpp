#include "dapr/completion_thread.h"

#include <grpc/support/time.h>
#include <pthread.h>

#include <chrono>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "dapr/inside_grpc.h"
#include "dapr_mqtt/base/batch.h"

namespace dapr_mqtt::dapr {
namespace {

/// The maximum of events in one Batch, since the work that the first one put off waits for the
/// last.
constexpr int kEventsTogether = 32;
/// The longest time between two calls of the watch when no event comes.
constexpr std::chrono::milliseconds kLookInterval{5};

}  // namespace

CompletionThread::CompletionThread(std::unique_ptr<grpc::ServerCompletionQueue> queue,
                                   base::Log log)
    : queue_(std::move(queue)), log_(std::move(log)) {}

base::Status CompletionThread::start() {
  try {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "grpc-calls");
      run();
    });
  } catch (const std::system_error& error) {
    return base::resource_exhausted(std::string("cannot start a thread: ") + error.what());
  }
  return {};
}

/// Does not wait. False: there is no event, or the watch wants to look first.
bool CompletionThread::next_at_once(void*& tag, bool& ok) {
  if (watch_ != nullptr && watch_->wanted()) return false;
  const InsideGrpc inside;
  return queue_->AsyncNext(&tag, &ok, gpr_inf_past(GPR_CLOCK_MONOTONIC)) ==
         grpc::CompletionQueue::GOT_EVENT;
}

/// Waits for the next event. False: the queue is shut down and empty.
bool CompletionThread::next(void*& tag, bool& ok) {
  while (watch_ != nullptr && watch_->wanted()) {
    watch_->look();
    const gpr_timespec until = gpr_time_add(
        gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(kLookInterval.count(), GPR_TIMESPAN));
    const InsideGrpc inside;
    const auto result = queue_->AsyncNext(&tag, &ok, until);
    if (result != grpc::CompletionQueue::TIMEOUT) {
      return result == grpc::CompletionQueue::GOT_EVENT;
    }
  }
  const InsideGrpc inside;
  return queue_->Next(&tag, &ok);
}

void CompletionThread::run() {
  for (;;) {
    void* tag = nullptr;
    bool ok = false;
    if (!next(tag, ok)) return;
    const base::Batch together;
    int events = 0;
    do {
      complete(tag, ok);
    } while (++events < kEventsTogether && next_at_once(tag, ok));
  }
}

void CompletionThread::complete(void* tag, bool ok) {
  try {
    static_cast<Event*>(tag)->complete(ok);
  } catch (const std::exception& error) {
    // Calls report their own errors; this is for all other exceptions.
    log_.error(std::string("a gRPC event could not be handled: ") + error.what());
  }
  if (!shut_down_ && use_->over()) {
    shut_down_ = true;
    queue_->Shutdown();
  }
}

/// Runs on the queue's thread, after all events that came before: from now on nothing can begin an
/// operation.
void CompletionThread::close(bool /*ok*/) { use_->close(); }

void CompletionThread::stop() {
  if (std::exchange(stopped_, true)) return;
  stop_requesting();
  close_now_.Set(queue_.get(), gpr_time_0(GPR_CLOCK_REALTIME), close_.tag());
  if (thread_.joinable()) {
    thread_.join();
  } else {
    run();  // the thread was never started: the requests that are open still have to complete
  }
}

}  // namespace dapr_mqtt::dapr
