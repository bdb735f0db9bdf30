#include "mqtt/before_acknowledging.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <new>
#include <vector>

namespace dapr_mqtt::mqtt::shims {
namespace {

struct Waiting {
  BeforeAcknowledging* task;
  int socket;
};

// Held while tasks run, so that forget() returns only when its task does not, and who
// finds them taken by another thread waits until they are done.
std::mutex tasks_mutex;
std::vector<Waiting> tasks;           // guarded by tasks_mutex
std::atomic<bool> tasks_wait{false};  // written under tasks_mutex

std::array<std::atomic<bool>, kSockets> refused_sockets{};

thread_local int handled = -1;

bool known(int socket) { return socket >= 0 && static_cast<std::size_t>(socket) < kSockets; }

void run(const Waiting& waiting) {
  if (waiting.task->secure() || !known(waiting.socket)) return;
  refused_sockets[static_cast<std::size_t>(waiting.socket)].store(true);
}

}  // namespace

void handling(int socket) { handled = socket; }

void do_before_acknowledging(BeforeAcknowledging& task) noexcept {
  const Waiting waiting{&task, handled};
  const std::lock_guard lock(tasks_mutex);
  const auto same = [&](const Waiting& other) { return other.task == &task; };
  if (std::any_of(tasks.begin(), tasks.end(), same)) return;
  try {
    tasks.push_back(waiting);
    tasks_wait.store(true);
  } catch (const std::bad_alloc&) {
    run(waiting);
  }
}

bool acknowledgements_wait() { return tasks_wait.load(); }

void do_what_comes_before_acknowledging() {
  if (!tasks_wait.load()) return;
  const std::lock_guard lock(tasks_mutex);
  for (const Waiting& waiting : tasks) run(waiting);
  tasks.clear();
  tasks_wait.store(false);
}

void forget(BeforeAcknowledging& task) {
  const std::lock_guard lock(tasks_mutex);
  std::erase_if(tasks, [&](const Waiting& waiting) { return waiting.task == &task; });
}

bool refused(int socket) {
  return known(socket) && refused_sockets[static_cast<std::size_t>(socket)].load();
}

void connecting(int socket) {
  if (known(socket)) refused_sockets[static_cast<std::size_t>(socket)].store(false);
}

}  // namespace dapr_mqtt::mqtt::shims
