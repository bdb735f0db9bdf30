#include "storage/pending_changes.h"

namespace dapr_mqtt::storage {

void PendingChanges::set(core::InboxId id, Kind kind) {
  const auto [it, fresh] = changes_.emplace(id, kind);
  if (!fresh && it->second == Kind::kInsert) --inserts_;
  if (kind == Kind::kInsert) ++inserts_;
  it->second = kind;
}

void PendingChanges::gone(core::InboxId id) {
  const auto it = changes_.find(id);
  if (it != changes_.end() && it->second == Kind::kInsert) {
    --inserts_;
    changes_.erase(it);
  } else {
    set(id, Kind::kDelete);
  }
}

PendingChanges::Changes PendingChanges::take(std::size_t most) {
  Changes taken;
  auto it = changes_.begin();
  for (; it != changes_.end() && taken.size() < most; ++it) {
    if (it->second == Kind::kInsert) --inserts_;
    taken.emplace_back(*it);
  }
  changes_.erase(changes_.begin(), it);
  return taken;
}

PendingChanges::Changes PendingChanges::take_deletes(std::size_t most) {
  Changes taken;
  for (auto it = changes_.begin(); it != changes_.end() && taken.size() < most;) {
    if (it->second == Kind::kDelete) {
      taken.emplace_back(*it);
      it = changes_.erase(it);
    } else {
      ++it;
    }
  }
  return taken;
}

void PendingChanges::take_from(core::InboxId first, Changes& taken) {
  const auto begin = changes_.lower_bound(first);
  for (auto it = begin; it != changes_.end(); ++it) {
    if (it->second == Kind::kInsert) --inserts_;
    taken.emplace_back(*it);
  }
  changes_.erase(begin, changes_.end());
}

core::InboxId PendingChanges::first_insert(core::InboxId otherwise) const {
  if (inserts_ == 0) return otherwise;
  for (const auto& [id, kind] : changes_) {
    if (kind == Kind::kInsert) return id;
  }
  return otherwise;
}

std::vector<core::InboxId> PendingChanges::inserts_from(core::InboxId first) const {
  std::vector<core::InboxId> ids;
  for (auto it = changes_.lower_bound(first); it != changes_.end(); ++it) {
    if (it->second == Kind::kInsert) ids.push_back(it->first);
  }
  return ids;
}

void PendingChanges::put_back(const Changes& changes) {
  for (const auto& [id, kind] : changes) {
    const auto newer = changes_.find(id);
    if (newer == changes_.end()) {
      set(id, kind);
    } else if (kind == Kind::kInsert) {
      if (newer->second == Kind::kDelete) {
        changes_.erase(newer);  // was never written and is gone: nothing to write
      } else {
        set(id, Kind::kInsert);
      }
    }
  }
}

}  // namespace dapr_mqtt::storage
