#include "dapr/completion_thread.h"

#include <pthread.h>

#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "dapr/inside_grpc.h"

namespace dapr_mqtt::dapr {

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

/// False: that was all.
bool CompletionThread::next(void*& tag, bool& ok) {
  const InsideGrpc inside;
  return queue_->Next(&tag, &ok);
}

void CompletionThread::run() {
  for (;;) {
    void* tag = nullptr;
    bool ok = false;
    if (!next(tag, ok)) return;
    try {
      static_cast<Event*>(tag)->tell(ok);
    } catch (const std::exception& error) {
      // Calls answer for what goes wrong in them; this is for the rest of them.
      log_.error(std::string("a call was lost: ") + error.what());
    }
    if (!shut_down_ && use_->over()) {
      shut_down_ = true;
      queue_->Shutdown();
    }
  }
}

/// On the queue's own thread, behind all calls that came before: whatever follows
/// begins nothing any more.
void CompletionThread::close(bool /*ok*/) { use_->close(); }

void CompletionThread::stop() {
  if (std::exchange(stopped_, true)) return;
  ask_no_more();
  close_now_.Set(queue_.get(), gpr_time_0(GPR_CLOCK_REALTIME), close_.tag());
  if (thread_.joinable()) {
    thread_.join();
  } else {
    run();  // never started: what gRPC was asked for comes back all the same
  }
}

}  // namespace dapr_mqtt::dapr
