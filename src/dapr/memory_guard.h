// Keeps publishes within the process's memory limit.
#pragma once

#include <cstddef>
#include <string>

#include "dapr/completion_thread.h"
#include "dapr/raw_call.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/memory_budget.h"
#include "dapr_mqtt/base/repeat_filter.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/dapr/server.h"

namespace dapr_mqtt::dapr {

/// Limits memory in two ways. A request that has been read reserves what it will cost until it is
/// answered. The size of a request that is still being read is not known (gRPC 1.51 reads a message
/// to its end before it checks the size, and a ResourceQuota would end streams of any kind). So
/// while there are such requests, the process's memory is measured, and near the limit they are
/// refused.
class MemoryGuard final : public CompletionThread::Watch {
 public:
  explicit MemoryGuard(MemoryOptions options, base::Log log);

  /// The largest request that can ever be admitted.
  std::size_t largest_request() const;

  /// Reserves memory for a request. RESOURCE_EXHAUSTED, with sizes, limit and what to do, when it
  /// does not fit now. From any thread.
  base::Result<base::MemoryBudget::Reservation> admit(std::size_t request_bytes);
  /// To be called when a request of that size has been copied, and when it has been answered:
  /// otherwise the allocator keeps the memory that was freed.
  void freed(std::size_t request_bytes) const;

  /// Sets the method whose requests are measured and refused. Called before the completion thread
  /// starts; the method outlives that thread.
  void watch(RawMethod& method) { method_ = &method; }

  // On the completion thread.
  bool wanted() const override { return method_ != nullptr && method_->reading(); }
  void look() override;

 private:
  std::size_t used() const;
  std::size_t growth() const;
  bool fits(std::size_t more) const;
  void note_rise(base::TimePoint now);
  std::string limit_text() const;

  const MemoryOptions options_;
  const base::Log log_;
  base::MemoryBudget budget_;
  RawMethod* method_ = nullptr;
  base::TimePoint next_look_{};
  base::TimePoint last_look_{};
  std::size_t last_used_ = 0;
  std::size_t rise_ = 0;  // how much used() rises between two looks; falls slowly (note_rise)
  base::RepeatFilter refusals_;
};

}  // namespace dapr_mqtt::dapr
