#include "dapr/memory_guard.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "dapr/status_codes.h"

namespace dapr_mqtt::dapr {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20U;
/// A smaller request is not worth a measurement, or a call to the allocator.
constexpr std::size_t kLarge = kMiB;
/// What a request costs at most, in halves of its size. Two copies exist at a time: gRPC's bytes
/// and our payload, later our payload and Paho's copy. One more half is for what the allocator
/// rounds up, and for a long entry of a bulk while protobuf makes its string. Measured:
/// docs/PERFORMANCE.md, "What a large publish takes".
constexpr std::size_t kCostHalves = 5;
/// A request that comes in one read is complete at once; only those that take longer are checked.
constexpr std::chrono::milliseconds kSlow{2};
constexpr std::chrono::milliseconds kMemoryLookInterval{2};
/// The time for gRPC to free what was refused, before more requests are refused.
constexpr std::chrono::milliseconds kAfterRefusal{5};

/// Looks further apart than this do not show how fast gRPC reads.
constexpr std::chrono::milliseconds kMaxLookGap{200};

std::size_t cost(std::size_t request_bytes) { return request_bytes * kCostHalves / 2; }

/// The memory that publishes may not take: it is for the process itself (22 MiB on Debian 12, 27 on
/// Debian 13), inboxes, deliveries and received messages.
std::size_t kept_back(std::size_t limit) {
  return std::min(std::clamp(limit / 4, 48 * kMiB, 256 * kMiB), limit * 9 / 16);
}

/// The distance to the limit: for what the kernel also counts (socket buffers, page tables), and
/// for what is read between two looks.
std::size_t margin(std::size_t limit) { return std::clamp(limit / 8, 4 * kMiB, 64 * kMiB); }

std::string mib(std::size_t bytes) {
  const std::size_t tenths = (bytes * 10 + kMiB / 2) / kMiB;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

constexpr const char* kRemedy =
    "; raise the container's memory limit, or publish smaller messages or fewer at a time";

}  // namespace

MemoryGuard::MemoryGuard(MemoryOptions options, base::Log log)
    : options_(std::move(options)),
      log_(std::move(log)),
      budget_(options_.limit - kept_back(options_.limit)) {
  log_.debug("publishes may take " + mib(budget_.size()) + " of " + limit_text() +
             "; the largest request may have " + mib(largest_request()));
}

std::size_t MemoryGuard::largest_request() const { return budget_.size() / kCostHalves * 2; }

std::size_t MemoryGuard::used() const { return options_.used ? options_.used() : 0; }

/// What admitted requests may still take in addition: the bytes of each request exist already.
std::size_t MemoryGuard::growth() const { return budget_.reserved() / kCostHalves * 3; }

std::string MemoryGuard::limit_text() const {
  return "the memory limit of " + mib(options_.limit) + " (" + options_.source + ")";
}

bool MemoryGuard::fits(std::size_t more) const {
  const std::size_t ceiling = options_.limit - margin(options_.limit);
  const auto within = [&] { return used() + growth() + more <= ceiling; };
  if (within()) return true;
  if (!options_.return_free) return false;
  options_.return_free();  // memory that the allocator keeps counts as used
  return within();
}

base::Result<base::MemoryBudget::Reservation> MemoryGuard::admit(std::size_t request_bytes) {
  if (request_bytes > largest_request()) {
    return base::resource_exhausted("a request of " + mib(request_bytes) +
                                    " never fits: the largest has " + mib(largest_request()) +
                                    " with " + limit_text() + kRemedy);
  }
  const std::size_t bytes = cost(request_bytes);
  if (request_bytes < kLarge || fits(bytes - request_bytes)) {
    if (auto reservation = budget_.reserve(bytes)) return std::move(*reservation);
  }
  return base::resource_exhausted(
      "a request of " + mib(request_bytes) + " takes up to " + mib(bytes) +
      " of memory, and does not fit now: other publishes may take " + mib(budget_.reserved()) +
      ", the process has " + mib(used()) + " of " + limit_text() + kRemedy);
}

void MemoryGuard::freed(std::size_t request_bytes) const {
  if (request_bytes >= kLarge && options_.return_free) options_.return_free();
}

/// Notes how fast used() rises. gRPC may read for a long time without an event: on a busy machine
/// 35 MiB were seen, usually 10.
void MemoryGuard::note_rise(base::TimePoint now) {
  const std::size_t has = used();
  const bool in_sequence = now - last_look_ < kMaxLookGap;
  const std::size_t rise = in_sequence && has > last_used_ ? has - last_used_ : 0;
  rise_ = in_sequence ? std::max(rise, rise_ - rise_ / 4) : 0;
  last_used_ = has;
  last_look_ = now;
}

void MemoryGuard::look() {
  const base::TimePoint now = std::chrono::steady_clock::now();
  if (now < next_look_) return;
  next_look_ = now + kMemoryLookInterval;
  if (now - method_->reading_since() < kSlow) return;
  note_rise(now);
  if (fits(2 * rise_)) return;
  const base::Status status = base::resource_exhausted(
      "the request cannot be read: the process has " + mib(used()) + " of " + limit_text() +
      ", and other publishes may take " + mib(growth()) + " more" + kRemedy);
  const std::size_t count = method_->refuse_oldest(to_grpc(status), now);
  next_look_ = now + kAfterRefusal;
  const auto line = refusals_.pass("refused",
                                   "memory is short: refused " + std::to_string(count) +
                                       " publishes while they were read; " + status.message(),
                                   now);
  if (line) log_.warn(*line);
}

}  // namespace dapr_mqtt::dapr
