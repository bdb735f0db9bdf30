// The floor of Paho: floor_paho <url> publish|receive <qos> <messages> <size> <window>. One
// bare client publishes with so many in flight, or receives what another publishes while
// it is stopped (SIGSTOP; it says "ready" before). Prints seconds and CPU seconds.
#include <MQTTAsync.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>

namespace {

using Clock = std::chrono::steady_clock;

struct Waiter {
  std::mutex mutex;
  std::condition_variable changed;
  int count = 0;

  void add() {
    const std::lock_guard lock(mutex);
    ++count;
    changed.notify_all();
  }
  void wait_for(int wanted) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return count >= wanted; });
  }
};

Waiter connected;
Waiter subscribed;
Waiter done;
std::atomic<bool> begun{false};
Clock::time_point begin;
double cpu_before = 0;

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  constexpr double kMicro = 1e-6;
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         kMicro * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

void start_clock() {
  if (begun.exchange(true)) return;
  begin = Clock::now();
  cpu_before = cpu_seconds();
}

int arrived(void*, char* topic, int, MQTTAsync_message* message) {
  start_clock();
  done.add();
  MQTTAsync_freeMessage(&message);
  MQTTAsync_free(topic);
  return 1;
}

void fail(const char* what) {
  std::fprintf(stderr, "floor_paho: %s\n", what);
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fputs("usage: floor_paho <url> publish|receive <qos> <messages> <size> <window>\n",
               stderr);
    return 2;
  }
  const bool publish = std::string(argv[2]) == "publish";
  const int qos = std::atoi(argv[3]);
  const int messages = std::atoi(argv[4]);
  const std::string payload(static_cast<std::size_t>(std::atoi(argv[5])), 'x');
  MQTTAsync client = nullptr;
  if (MQTTAsync_create(&client, argv[1], publish ? "floor-pub" : "floor-sub",
                       MQTTCLIENT_PERSISTENCE_NONE, nullptr) != MQTTASYNC_SUCCESS) {
    fail("no client");
  }
  MQTTAsync_setCallbacks(client, nullptr, nullptr, arrived, nullptr);
  MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
  options.maxInflight = 65535;
  options.onSuccess = [](void*, MQTTAsync_successData*) { connected.add(); };
  options.onFailure = [](void*, MQTTAsync_failureData*) { fail("not connected"); };
  if (MQTTAsync_connect(client, &options) != MQTTASYNC_SUCCESS) fail("not connected");
  connected.wait_for(1);
  MQTTAsync_responseOptions answer = MQTTAsync_responseOptions_initializer;
  if (publish) {
    const int window = std::atoi(argv[6]);
    answer.onSuccess = [](void*, MQTTAsync_successData*) { done.add(); };
    start_clock();
    for (int i = 0; i < messages; ++i) {
      if (i >= window) done.wait_for(i - window + 1);
      MQTTAsync_send(client, "bench/0", static_cast<int>(payload.size()), payload.data(), qos, 0,
                     &answer);
    }
  } else {
    answer.onSuccess = [](void*, MQTTAsync_successData*) { subscribed.add(); };
    MQTTAsync_subscribe(client, "bench/0", qos, &answer);
    subscribed.wait_for(1);
    std::puts("ready");
    std::fflush(stdout);
  }
  done.wait_for(messages);
  const std::chrono::duration<double> took = Clock::now() - begin;
  std::printf("took %f %f\n", took.count(), cpu_seconds() - cpu_before);
  std::fflush(stdout);
  std::_Exit(0);
}
