// An inbox that forwards every call to another one: for tests that change one of the calls.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::testing {

/// `Port`: core::Inbox, or core::DurableInbox, whose own calls the derived class has. As
/// thread-safe as the other inbox, which must outlive it.
template <typename Port>
class ForwardingInbox : public Port {
 public:
  using Order = core::Inbox::Order;

  explicit ForwardingInbox(Port& to) : to_(to) {}

  base::Result<core::AppendOutcome> append(std::string_view queue, core::IncomingMessage message,
                                           bool evictable,
                                           core::Keep keep = core::Keep::kStore) override {
    return to_.append(queue, std::move(message), evictable, keep);
  }
  std::size_t store_held(core::InboxId up_to) override { return to_.store_held(up_to); }
  core::InboxId last_id() const override { return to_.last_id(); }
  core::HeldMessages held() const override { return to_.held(); }
  bool overfull() const override { return to_.overfull(); }
  base::Status commit() override { return to_.commit(); }
  std::optional<core::InboxEntry> take(std::string_view queue, base::WallTime now,
                                       Order order) override {
    return to_.take(queue, now, order);
  }
  core::Inbox::FromMemory take_from_memory(std::string_view queue, base::WallTime now,
                                           Order order) override {
    return to_.take_from_memory(queue, now, order);
  }
  bool settling_may_block() const override { return to_.settling_may_block(); }
  std::optional<base::WallTime> next_due(std::string_view queue, Order order) const override {
    return to_.next_due(queue, order);
  }
  void order_by(std::string_view queue, const std::optional<core::OrderKey>& key) override {
    to_.order_by(queue, key);
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
