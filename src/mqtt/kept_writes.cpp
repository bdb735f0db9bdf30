#include "mqtt/kept_writes.h"

#include <algorithm>
#include <new>
#include <vector>

namespace dapr_mqtt::mqtt {
namespace {

thread_local bool flushes = false;
thread_local std::vector<std::shared_ptr<Channel>> written;

}  // namespace

void after_write(const std::shared_ptr<Channel>& channel) {
  if (flushes) {
    if (std::find(written.begin(), written.end(), channel) != written.end()) return;
    try {
      written.push_back(channel);
      return;
    } catch (const std::bad_alloc&) {  // the caller is C: flush at once instead
    }
  }
  channel->flush();
}

void flush_kept_writes() {
  flushes = true;
  for (const auto& channel : written) channel->flush();
  written.clear();
}

}  // namespace dapr_mqtt::mqtt
