#include "storage/session_state.h"

#include <algorithm>

#include "storage/bounds.h"

namespace dapr_mqtt::storage {
namespace {

bool same(const core::SessionSubscription& a, const core::SessionSubscription& b) {
  return a.connection == b.connection && a.filter == b.filter;
}

base::Status no_table() { return base::cancelled("the inbox is closed"); }

}  // namespace

base::Result<std::size_t> SessionState::load(SessionTable& table) {
  std::size_t left_out = 0;
  base::Status status = table.load_packets([&](core::PacketKey key) {
    if (key.id == 0 || key.connection >= kMostConnections) {
      ++left_out;
    } else {
      packets_.emplace(key, true);
    }
  });
  if (!status.ok()) return status;
  status = table.load_subscriptions([&](std::size_t connection, std::string_view text) {
    // Checked, since all connections with lower indexes are made again.
    const auto filter = core::TopicFilter::parse(text);
    if (!filter.ok() || connection >= kMostConnections) {
      ++left_out;
    } else {
      subscriptions_.push_back({connection, filter.value()});
    }
  });
  if (!status.ok()) return status;
  return left_out;
}

void SessionState::stored(core::PacketKey key) {
  if (const auto found = packets_.find(key); found != packets_.end()) found->second = true;
}

bool SessionState::remove(core::PacketKey key, const core::Receipt& safe) {
  const auto found = packets_.find(key);
  const bool on_disk = removals_.contains(key) || (found != packets_.end() && found->second);
  if (on_disk) {  // first, since it may throw
    removals_.insert(key);
    if (safe) removal_receipts_.push_back(safe);
  }
  if (found != packets_.end()) packets_.erase(found);
  return !on_disk;
}

bool SessionState::clear(std::size_t connection, const core::Receipt& safe) {
  for (const core::PacketStore::Id id : ids(connection)) {
    static_cast<void>(remove({connection, id}, {}));
  }
  // Earlier removals of this connection are not on disk yet either.
  if (removals_.lower_bound({connection, 0}) == removals_.lower_bound({connection + 1, 0})) {
    return true;
  }
  if (safe) removal_receipts_.push_back(safe);
  return false;
}

bool SessionState::nothing_stored() const {
  return subscriptions_.empty() &&
         std::none_of(packets_.begin(), packets_.end(), [](const auto& p) { return p.second; });
}

std::vector<core::PacketStore::Id> SessionState::ids(std::size_t connection) const {
  std::vector<core::PacketStore::Id> out;
  for (auto it = packets_.lower_bound({connection, 0});
       it != packets_.end() && it->first.connection == connection; ++it) {
    out.push_back(it->first.id);
  }
  return out;
}

base::Status SessionState::subscribed(SessionTable* table, core::SessionSubscription subscription) {
  const auto is_it = [&](const auto& other) { return same(other, subscription); };
  if (std::any_of(subscriptions_.begin(), subscriptions_.end(), is_it)) return {};
  const std::size_t on = subscription.connection;
  const core::TopicFilter filter = subscription.filter;
  subscriptions_.push_back(std::move(subscription));
  base::Status status = table != nullptr ? table->add(on, filter.str()) : no_table();
  if (status.ok()) {
    filters_unwritten_.erase({on, filter});
  } else {
    filters_unwritten_.insert_or_assign({on, filter}, Write::kPut);
  }
  return status;
}

base::Status SessionState::unsubscribed(SessionTable* table,
                                        const core::SessionSubscription& subscription) {
  const auto is_it = [&](const auto& other) { return same(other, subscription); };
  if (std::erase_if(subscriptions_, is_it) == 0) return {};
  const std::size_t on = subscription.connection;
  base::Status status =
      table != nullptr ? table->remove(on, subscription.filter.str()) : no_table();
  if (status.ok()) {
    filters_unwritten_.erase({on, subscription.filter});
  } else {
    filters_unwritten_.insert_or_assign({on, subscription.filter}, Write::kErase);
  }
  return status;
}

std::vector<core::SessionSubscription> SessionState::subscriptions() const {
  return subscriptions_;
}

base::Status SessionState::write_unwritten(SessionTable& table) const {
  for (const core::PacketKey key : removals_) {
    if (base::Status status = table.erase(key); !status.ok()) return status;
  }
  for (const auto& [key, write] : filters_unwritten_) {
    base::Status status = write == Write::kPut ? table.add(key.first, key.second.str())
                                               : table.remove(key.first, key.second.str());
    if (!status.ok()) return status;
  }
  return {};
}

void SessionState::written(std::vector<core::Receipt>& receipts) {
  receipts.insert(receipts.end(), removal_receipts_.begin(), removal_receipts_.end());
  removals_.clear();
  removal_receipts_.clear();
  filters_unwritten_.clear();
}

}  // namespace dapr_mqtt::storage
