// The thread that does gRPC's work.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <atomic>
#include <memory>
#include <thread>

#include "dapr/event.h"
#include "dapr/queue_use.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::dapr {

/// One completion queue and the one thread that polls it: the thread reads the connections and
/// begins the calls. Nothing else in the process may poll for gRPC (no synchronous or callback
/// service, and so not gRPC's own health and reflection services): with a second poller, each event
/// would hand polling over to the other one, which costs more than the call. The thread waits
/// without a deadline, so that it does not wake up when idle, unless a Watch wants to look.
///
/// Calls may be answered on any thread, which is cheaper than passing the answer to this thread.
///
/// Order of use: make it, BuildAndStart(), open the methods, start(); then
/// stop_requesting(), the server's Shutdown(), stop().
class CompletionThread {
 public:
  /// Is called between events, on the thread.
  class Watch {
   public:
    virtual ~Watch() = default;
    /// Whether look() is to be called with each event, and every 5 ms without one.
    virtual bool wanted() const = 0;
    virtual void look() = 0;
  };

  CompletionThread(std::unique_ptr<grpc::ServerCompletionQueue> queue, base::Log log);
  ~CompletionThread() { stop(); }
  CompletionThread(const CompletionThread&) = delete;
  CompletionThread& operator=(const CompletionThread&) = delete;

  /// Before start(); outlives the thread.
  void set_watch(Watch& watch) { watch_ = &watch; }
  /// RESOURCE_EXHAUSTED when the system has no thread for it.
  base::Status start();
  /// Soon after this, methods request no more calls: a server that has shut down would return each
  /// request at once.
  void stop_requesting() { requesting_ = false; }
  bool requesting() const { return requesting_; }
  /// To be called after the server's Shutdown(). Waits until all operations that were begun have
  /// completed, then ends and joins the thread. Calls without an answer get none. Idempotent.
  void stop();

  grpc::ServerCompletionQueue* queue() { return queue_.get(); }
  const std::shared_ptr<QueueUse>& use() const { return use_; }
  const base::Log& log() const { return log_; }

 private:
  void run();
  bool next(void*& tag, bool& ok);
  bool next_at_once(void*& tag, bool& ok);
  void complete(void* tag, bool ok);
  void close(bool ok);

  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  const base::Log log_;
  const std::shared_ptr<QueueUse> use_ = std::make_shared<QueueUse>();
  Watch* watch_ = nullptr;
  std::atomic<bool> requesting_{true};
  EventOf<CompletionThread, &CompletionThread::close> close_{*this};
  grpc::Alarm close_now_;
  bool shut_down_ = false;  // used by the thread only
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace dapr_mqtt::dapr
