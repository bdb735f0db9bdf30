// An inbox that hands every call on to another: for tests that change one of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::testing {

/// `Port`: core::Inbox, or core::DurableInbox, whose own calls are the heir's. As
/// thread-safe as the other one, which outlives it.
template <typename Port>
class ForwardingInbox : public Port {
 public:
  using Order = core::Inbox::Order;

  explicit ForwardingInbox(Port& to) : to_(to) {}

  base::Result<core::AppendOutcome> append(std::string_view queue, core::IncomingMessage message,
                                           bool evictable) override {
    return to_.append(queue, std::move(message), evictable);
  }
  base::Status commit() override { return to_.commit(); }
  std::optional<core::InboxEntry> take(std::string_view queue, base::WallTime now,
                                       Order order) override {
    return to_.take(queue, now, order);
  }
  std::optional<base::WallTime> next_due(std::string_view queue, Order order) const override {
    return to_.next_due(queue, order);
  }
  void settle(core::InboxId id) override { to_.settle(id); }
  void release(core::InboxId id, std::uint32_t failures, base::WallTime due) override {
    to_.release(id, failures, due);
  }
  std::size_t claim(const core::TopicFilter& filter) override { return to_.claim(filter); }
  std::size_t discard(std::string_view queue) override { return to_.discard(queue); }
  std::size_t abandon(std::string_view queue) override { return to_.abandon(queue); }
  std::vector<std::string> queues() const override { return to_.queues(); }
  core::InboxUsage usage() const override { return to_.usage(); }
  std::optional<base::WallTime> oldest_received() const override { return to_.oldest_received(); }
  bool full() const override { return to_.full(); }
  bool half_empty() const override { return to_.half_empty(); }

 protected:
  Port& to() { return to_; }

 private:
  Port& to_;
};

}  // namespace dapr_mqtt::testing
