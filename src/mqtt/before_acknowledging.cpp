#include "mqtt/before_acknowledging.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <vector>

namespace dapr_mqtt::mqtt::shims {
namespace {

// Held while tasks run, so that forget() returns only when its task does not, and who
// finds them taken by another thread waits until they are done.
std::mutex tasks_mutex;
std::vector<BeforeAcknowledging*> tasks;  // guarded by tasks_mutex
std::atomic<bool> tasks_wait{false};      // written under tasks_mutex

}  // namespace

void do_before_acknowledging(BeforeAcknowledging& task) noexcept {
  const std::lock_guard lock(tasks_mutex);
  if (std::find(tasks.begin(), tasks.end(), &task) != tasks.end()) return;
  try {
    tasks.push_back(&task);
    tasks_wait.store(true);
  } catch (const std::bad_alloc&) {
    task.secure();
  }
}

bool acknowledgements_wait() { return tasks_wait.load(); }

void do_what_comes_before_acknowledging() {
  if (!tasks_wait.load()) return;
  const std::lock_guard lock(tasks_mutex);
  for (BeforeAcknowledging* task : tasks) task->secure();
  tasks.clear();
  tasks_wait.store(false);
}

void forget(BeforeAcknowledging& task) {
  const std::lock_guard lock(tasks_mutex);
  std::erase(tasks, &task);
}

}  // namespace dapr_mqtt::mqtt::shims
