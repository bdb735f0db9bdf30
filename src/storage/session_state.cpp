#include "storage/session_state.h"

#include <algorithm>

namespace dapr_mqtt::storage {
namespace {

bool same(const core::SessionSubscription& a, const core::SessionSubscription& b) {
  return a.connection == b.connection && a.filter == b.filter;
}

base::Status no_table() { return base::cancelled("the inbox is closed"); }

}  // namespace

base::Status SessionState::load(SessionTable& table) {
  base::Status status = table.load_packets([this](core::PacketKey key, bool mark) {
    packets_[key] = mark ? Packet::kMark : Packet::kBody;
  });
  if (!status.ok()) return status;
  return table.load_subscriptions([this](std::size_t connection, std::string_view text) {
    // What is no filter any more was none when it was written.
    if (const auto filter = core::TopicFilter::parse(text); filter.ok()) {
      subscriptions_.push_back({connection, filter.value()});
    }
  });
}

void SessionState::put_body(core::PacketKey key, std::string body) {
  packets_[key] = Packet::kBody;
  packets_unwritten_.insert_or_assign(key, Unwritten{Write::kPut, std::move(body)});
}

void SessionState::put_mark(core::PacketKey key) {
  // One that is there already stays as it is: the message comes a second time.
  packets_.emplace(key, Packet::kMarkToCome);
}

void SessionState::remove(core::PacketKey key) {
  const auto found = packets_.find(key);
  if (found == packets_.end()) return;
  const bool to_come = found->second == Packet::kMarkToCome;
  packets_.erase(found);
  if (!to_come) packets_unwritten_.insert_or_assign(key, Unwritten{Write::kErase, {}});
}

void SessionState::clear(std::size_t connection) {
  for (const core::PacketStore::Entry& entry : entries(connection)) remove({connection, entry.id});
}

std::vector<core::PacketStore::Entry> SessionState::entries(std::size_t connection) const {
  std::vector<core::PacketStore::Entry> out;
  for (auto it = packets_.lower_bound({connection, 0});
       it != packets_.end() && it->first.connection == connection; ++it) {
    out.push_back({it->first.id, it->second != Packet::kBody});
  }
  return out;
}

std::optional<core::PacketStore::Entry> SessionState::find(core::PacketKey key) const {
  const auto found = packets_.find(key);
  if (found == packets_.end()) return std::nullopt;
  return core::PacketStore::Entry{key.id, found->second != Packet::kBody};
}

std::optional<std::string> SessionState::body(SessionTable* table, core::PacketKey key) const {
  const auto found = packets_.find(key);
  if (found == packets_.end() || found->second != Packet::kBody) return std::nullopt;
  const auto unwritten = packets_unwritten_.find(key);
  if (unwritten != packets_unwritten_.end()) return unwritten->second.body;
  if (table == nullptr) return std::nullopt;
  auto read = table->body(key);
  return read.ok() ? std::move(read).value() : std::nullopt;
}

void SessionState::appended(core::PacketKey key) {
  const auto found = packets_.find(key);
  if (found == packets_.end()) return;
  switch (found->second) {
    case Packet::kBody: return remove(key);
    case Packet::kMarkToCome:
      found->second = Packet::kMark;
      packets_unwritten_.insert_or_assign(key, Unwritten{Write::kPut, {}});
      return;
    case Packet::kMark: return;
  }
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
  for (const auto& [key, change] : packets_unwritten_) {
    base::Status status =
        change.write == Write::kPut ? table.put(key, change.body) : table.erase(key);
    if (!status.ok()) return status;
  }
  for (const auto& [key, write] : filters_unwritten_) {
    base::Status status = write == Write::kPut ? table.add(key.first, key.second.str())
                                               : table.remove(key.first, key.second.str());
    if (!status.ok()) return status;
  }
  return {};
}

void SessionState::written() {
  packets_unwritten_.clear();
  filters_unwritten_.clear();
}

}  // namespace dapr_mqtt::storage
