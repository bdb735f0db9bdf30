#include "dapr_mqtt/delivery/hold_watch.h"

namespace dapr_mqtt::delivery {

HoldWatch::~HoldWatch() { stop(); }

void HoldWatch::arrived() {
  if (timer_ == 0 && !stopped_) arm();
}

void HoldWatch::stop() {
  stopped_ = true;
  if (timer_ != 0) executor_.cancel(timer_);
  timer_ = 0;
}

void HoldWatch::arm() {
  timer_ = executor_.post_at(executor_.now() + HoldPolicy::kInterval,
                             [weak = std::weak_ptr<HoldWatch*>(self_)] {
                               if (const auto self = weak.lock()) (*self)->look();
                             });
}

void HoldWatch::look() {
  timer_ = 0;
  if (stopped_) return;
  const HoldPolicy::Facts facts{inbox_.last_id(),
                                inbox_.held(),
                                dispatcher_.in_flight(),
                                dispatcher_.window(),
                                dispatcher_.waits_for_keys(),
                                dispatcher_.take_pace()};
  const HoldPolicy::Decision decision = policy_.decide(facts);
  intake_.store_arrivals(decision.store_arrivals);
  if (decision.store_up_to != 0) inbox_.store_held(decision.store_up_to);
  if (facts.held.usage.messages > 0 || decision.store_arrivals) arm();
}

}  // namespace dapr_mqtt::delivery
