#pragma once

#include <atomic>

namespace dapr_mqtt::dapr {

/// What a tag of gRPC's completion queue points to: who is told that an operation
/// has ended. Lives until then; one operation at a time.
class Event {
 public:
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  /// For the operation that the caller begins now, on whatever thread. What that
  /// thread wrote before is seen by happened(): gRPC sees to that, but with locks
  /// that the thread sanitizer does not know.
  void* tag() {
    begun_.store(true, std::memory_order_release);
    return this;
  }

  /// For the thread of the queue. The event may be gone when this returns.
  void tell(bool ok) {
    if (begun_.load(std::memory_order_acquire)) happened(ok);
  }

 protected:
  Event() = default;
  ~Event() = default;

 private:
  virtual void happened(bool ok) = 0;

  std::atomic<bool> begun_{false};
};

/// Calls a member of the object that it is a member of.
template <typename Owner, void (Owner::*kMember)(bool ok)>
class EventOf final : public Event {
 public:
  explicit EventOf(Owner& owner) : owner_(owner) {}

 private:
  void happened(bool ok) override { (owner_.*kMember)(ok); }

  Owner& owner_;
};

}  // namespace dapr_mqtt::dapr
