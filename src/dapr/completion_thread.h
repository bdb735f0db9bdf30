// The thread that gRPC's work is done on.
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

/// One completion queue and the one thread that polls it: it reads the connections
/// and begins the calls. Nothing else in the process may poll for gRPC (no
/// synchronous or callback service, gRPC's own health and reflection included):
/// with a second poller, each event hands polling over to the other one, which costs
/// more than the call. It waits without a deadline, so that it does not wake at rest.
///
/// Calls may be answered on any thread; that is cheaper than handing the answer over.
///
/// Order of use: make it, BuildAndStart(), open the methods, start(); then
/// ask_no_more(), the server's Shutdown(), stop().
class CompletionThread {
 public:
  CompletionThread(std::unique_ptr<grpc::ServerCompletionQueue> queue, base::Log log);
  ~CompletionThread() { stop(); }
  CompletionThread(const CompletionThread&) = delete;
  CompletionThread& operator=(const CompletionThread&) = delete;

  /// RESOURCE_EXHAUSTED when the system has no thread for it.
  base::Status start();
  /// Methods ask for no more calls from soon after this: a server that has shut down
  /// would refuse each request at once.
  void ask_no_more() { asking_ = false; }
  bool asking() const { return asking_; }
  /// After the server's Shutdown(): lets what is under way come back, then ends and
  /// joins the thread. Calls that have no answer yet stay without. Idempotent.
  void stop();

  grpc::ServerCompletionQueue* queue() { return queue_.get(); }
  const std::shared_ptr<QueueUse>& use() const { return use_; }
  const base::Log& log() const { return log_; }

 private:
  void run();
  bool next(void*& tag, bool& ok);
  void close(bool ok);

  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  const base::Log log_;
  const std::shared_ptr<QueueUse> use_ = std::make_shared<QueueUse>();
  std::atomic<bool> asking_{true};
  EventOf<CompletionThread, &CompletionThread::close> close_{*this};
  grpc::Alarm close_now_;
  bool shut_down_ = false;  // the thread's own
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace dapr_mqtt::dapr
