#pragma once

#include <atomic>

namespace dapr_mqtt::dapr {

/// A tag of gRPC's completion queue points to one of these: it is called when an operation has
/// completed, and lives until then. One operation at a time.
class Event {
 public:
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  /// The tag for the operation that the caller begins now, on any thread. happened() sees what that
  /// thread wrote before: gRPC guarantees it, but with locks that the thread sanitizer does not
  /// know.
  void* tag() {
    begun_.store(true, std::memory_order_release);
    return this;
  }

  /// Called by the thread of the queue. The event may be destroyed when this returns.
  void complete(bool ok) {
    if (begun_.load(std::memory_order_acquire)) happened(ok);
  }

 protected:
  Event() = default;
  ~Event() = default;

 private:
  virtual void happened(bool ok) = 0;

  std::atomic<bool> begun_{false};
};

/// An event that is a member of `Owner` and calls a member function of it.
template <typename Owner, void (Owner::*kMember)(bool ok)>
class EventOf final : public Event {
 public:
  explicit EventOf(Owner& owner) : owner_(owner) {}

 private:
  void happened(bool ok) override { (owner_.*kMember)(ok); }

  Owner& owner_;
};

}  // namespace dapr_mqtt::dapr
