// What an append to the inbox costs: inbox_bench <folder> [normal|full|memory]
// [messages] [payload bytes]. "alone": appends only, each committed, or so many at a
// time. "with settles": another thread takes and settles meanwhile, and flushes each
// 20 ms, as an instance does.
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "dapr_mqtt/storage/durable_inbox.h"
#include "dapr_mqtt/storage/memory_inbox.h"

namespace {

using namespace dapr_mqtt;
using Clock = std::chrono::steady_clock;

class Silent final : public base::Logger {
 public:
  bool enabled(base::LogLevel) const override { return false; }
  void write(base::LogLevel, std::string_view, std::string_view) override {}
};

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_THREAD, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

long resident_kib() {
  std::ifstream statm("/proc/self/statm");
  long size = 0;
  long resident = 0;
  statm >> size >> resident;
  return resident * 4;
}

void append(core::Inbox& inbox, int messages, std::size_t payload, int at_a_time,
            const char* what) {
  const auto begin = Clock::now();
  const double cpu = cpu_seconds();
  for (int i = 0; i < messages; ++i) {
    core::IncomingMessage message;
    message.topic = "bench/topic";
    message.payload.assign(payload, 'x');
    message.qos = core::QoS::kAtLeastOnce;
    const bool taken_in = inbox.append("bench/#", std::move(message), false).ok();
    const bool last = (i + 1) % at_a_time == 0 || i + 1 == messages;
    if (!taken_in || (last && !inbox.commit().ok())) std::puts("append failed");
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  std::printf("%-19s %7.0f/s, %5.1f us CPU each; %ld MiB resident\n", what, messages / took.count(),
              (cpu_seconds() - cpu) * 1e6 / messages, resident_kib() / 1024);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : ".";
  const std::string sync = argc > 2 ? argv[2] : "normal";
  const int messages = argc > 3 ? std::atoi(argv[3]) : 50'000;
  const auto payload = static_cast<std::size_t>(argc > 4 ? std::atoi(argv[4]) : 256);
  Silent silent;
  const core::InboxLimits limits{10'000'000, std::size_t{1} << 40U};
  std::unique_ptr<core::Inbox> inbox = std::make_unique<storage::MemoryInbox>(limits);
  core::DurableInbox* durable = nullptr;
  if (sync != "memory") {
    auto opened = storage::open_durable_inbox({.state_dir = folder,
                                               .identity = "bench",
                                               .consumer_id = "bench",
                                               .limits = limits,
                                               .full_sync = sync == "full"},
                                              base::Log(silent));
    if (!opened.ok()) {
      std::puts(opened.status().message().c_str());
      return 1;
    }
    durable = opened.value().get();
    inbox = std::move(opened).value();
  }
  append(*inbox, messages, payload, 1, "alone");
  append(*inbox, messages, payload, 20, "alone, by 20");
  std::atomic<bool> stop{false};
  std::thread app([&] {
    auto flushed = Clock::now();
    while (!stop) {
      const auto entry = inbox->take("bench/#", base::WallTime{}, core::Inbox::Order::kReady);
      if (entry) inbox->settle(entry->id);
      if (durable != nullptr && Clock::now() - flushed > std::chrono::milliseconds(20)) {
        static_cast<void>(durable->flush());
        flushed = Clock::now();
      }
    }
  });
  append(*inbox, messages, payload, 1, "with settles");
  append(*inbox, messages, payload, 20, "with settles, by 20");
  stop = true;
  app.join();
  std::printf("left: %zu\n", inbox->usage().messages);
  static_cast<void>(inbox->discard("bench/#"));
  return 0;
}
