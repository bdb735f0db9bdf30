#include "dapr_mqtt/base/batch.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace dapr_mqtt::base {
namespace {

struct Work {
  const void* key;  // null: has begun
  std::function<void()> run;
};

thread_local int open_batches = 0;
thread_local std::vector<Work> waiting;

}  // namespace

Batch::Batch() { ++open_batches; }

Batch::~Batch() {
  if (open_batches == 1) {
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      waiting[i].key = nullptr;
      const std::function<void()> run = std::move(waiting[i].run);
      run();
    }
    waiting.clear();
  }
  --open_batches;
}

bool Batch::put_off(const void* key, std::function<void()> work) {
  if (open_batches == 0) return false;
  const bool waits = std::any_of(waiting.begin(), waiting.end(),
                                 [key](const Work& other) { return other.key == key; });
  if (!waits) waiting.push_back({key, std::move(work)});
  return true;
}

}  // namespace dapr_mqtt::base
