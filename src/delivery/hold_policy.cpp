#include "dapr_mqtt/delivery/hold_policy.h"

#include <algorithm>

namespace dapr_mqtt::delivery {
namespace {

constexpr std::size_t kSilenceIntervals = HoldPolicy::kSilence / HoldPolicy::kInterval;
constexpr std::size_t kStoreArrivalsIntervals =
    HoldPolicy::kStoreArrivalsFor / HoldPolicy::kInterval;

}  // namespace

bool HoldPolicy::works_on_many() const {
  return recent_.answers >= kMinWindow && recent_.shortest >= kSlowApp &&
         (recent_.overtaking * 20 >= recent_.answers || recent_.together * 2 >= recent_.answers);
}

HoldPolicy::Decision HoldPolicy::decide(const Facts& facts) {
  paces_.push_back(facts.pace);
  if (paces_.size() > kStoreArrivalsIntervals) paces_.pop_front();
  recent_ = {};
  for (const AppPace& pace : paces_) recent_.add(pace);

  Decision decision;
  bool keys_block = false;
  const std::size_t held = facts.held.usage.messages;
  if (held > 0) {
    if (last_ids_.size() >= kSilenceIntervals) {
      decision.store_up_to = last_ids_.front();
      last_ids_.pop_front();
    }
    const bool was_there = !last_ids_.empty() && facts.held.oldest <= last_ids_.back();
    const std::size_t since_oldest = facts.last_id - facts.held.oldest + 1;
    keys_block = facts.waits_for_keys && was_there && held >= facts.in_flight + kBlockedMessages;
    if (keys_block || (was_there && since_oldest >= held + kBlockedMessages)) {
      decision.store_up_to = last_ids_.back();
    }
    last_ids_.push_back(facts.last_id);
  } else {
    last_ids_.clear();
  }

  const bool has_room = facts.in_flight < facts.window;
  const bool all_with_app = held <= facts.in_flight;
  if (keys_block) {
    store_intervals_left_ = static_cast<int>(kStoreArrivalsIntervals);
  } else if (works_on_many() &&
             (store_intervals_left_ > 0 || (has_room && all_with_app && held >= kMinWindow))) {
    if (store_intervals_left_ == 0) decision.store_up_to = facts.last_id;
    store_intervals_left_ = static_cast<int>(kStoreArrivalsIntervals);
  } else if (store_intervals_left_ > 0) {
    --store_intervals_left_;
  }
  decision.store_arrivals = store_intervals_left_ > 0;
  return decision;
}

}  // namespace dapr_mqtt::delivery
