#include "publish_load.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "usage.h"

namespace dapr_mqtt::bench {
namespace {

using Clock = std::chrono::steady_clock;
using testing::wire::BulkPublishRequest;
using testing::wire::BulkPublishResponse;
using testing::wire::PublishRequest;
using testing::wire::PublishResponse;

/// A run of callers in a closed loop, until so many calls were answered.
class ClosedLoop {
 public:
  ClosedLoop(testing::ComponentClient& client, const PublishLoad& load, int calls)
      : client_(client), load_(load), calls_(calls), took_(static_cast<std::size_t>(calls)) {}

  void run() {
    std::vector<std::unique_ptr<Caller>> callers;
    running_ = load_.callers;
    for (int i = 0; i < load_.callers; ++i) callers.push_back(make_caller());
    for (auto& caller : callers) next(*caller);
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return running_ == 0; });
    if (!error_.empty()) throw std::runtime_error("publish: " + error_);
  }

  std::vector<std::int64_t>& took() { return took_; }

 private:
  struct Caller {
    PublishRequest request;
    PublishResponse response;
    BulkPublishRequest bulk_request;
    BulkPublishResponse bulk_response;
    std::unique_ptr<grpc::ClientContext> context;
    Clock::time_point began;
    std::size_t call = 0;
  };

  std::unique_ptr<Caller> make_caller() const {
    auto caller = std::make_unique<Caller>();
    const std::string payload(load_.size, 'x');
    caller->request.set_data(payload);
    for (int i = 0; i < load_.bulk; ++i) {
      auto* entry = caller->bulk_request.add_entries();
      entry->set_entry_id(std::to_string(i));
      entry->set_event(payload);
    }
    return caller;
  }

  void next(Caller& caller) {
    const int call = begun_.fetch_add(1);
    if (call >= calls_) return end();
    caller.call = static_cast<std::size_t>(call);
    const std::string topic = "bench/" + std::to_string(call % load_.topics);
    caller.context = std::make_unique<grpc::ClientContext>();
    client_.prepare(*caller.context);
    caller.began = Clock::now();
    const auto answered = [this, &caller](const grpc::Status& status) { done(caller, status); };
    if (load_.bulk > 0) {
      caller.bulk_request.set_topic(topic);
      caller.bulk_response.Clear();
      client_.stub().async()->BulkPublish(caller.context.get(), &caller.bulk_request,
                                          &caller.bulk_response, answered);
    } else {
      caller.request.set_topic(topic);
      client_.stub().async()->Publish(caller.context.get(), &caller.request, &caller.response,
                                      answered);
    }
  }

  void done(Caller& caller, const grpc::Status& status) {
    took_[caller.call] = (Clock::now() - caller.began).count();
    std::string error = status.ok() ? "" : status.error_message();
    if (caller.bulk_response.failed_entries_size() > 0) {
      error = caller.bulk_response.failed_entries(0).error();
    }
    if (!error.empty()) {
      const std::lock_guard lock(mutex_);
      error_ = error;
      begun_ = calls_;
    }
    next(caller);
  }

  void end() {
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) ended_.notify_all();
  }

  testing::ComponentClient& client_;
  const PublishLoad load_;
  const int calls_;
  std::vector<std::int64_t> took_;
  std::atomic<int> begun_{0};
  std::mutex mutex_;
  std::condition_variable ended_;
  int running_ = 0;
  std::string error_;
};

}  // namespace

Measurement measure_publish(Running& subject, const PublishLoad& load) {
  const int entries = std::max(load.bulk, 1);
  constexpr int kWarmUp = 300;
  ClosedLoop(subject.client(), load, kWarmUp / entries + load.callers).run();
  forget_peak(subject.pid());
  const Usage before = usage_of(subject.pid());
  ClosedLoop loop(subject.client(), load, load.messages / entries);
  const auto begin = Clock::now();
  loop.run();
  const std::chrono::duration<double> took = Clock::now() - begin;
  Measurement out = cost(before, usage_of(subject.pid()), load.messages);
  out["rate"] = load.messages / took.count();
  add_quantiles(loop.took(), out);
  return out;
}

}  // namespace dapr_mqtt::bench
