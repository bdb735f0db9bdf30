// Random operations on an inbox and on a model that is so simple that it is obviously correct.
// SEED=<n> repeats one run.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "contract/inbox_contract.h"

namespace dapr_mqtt::testing {
namespace {

using core::Inbox;
using core::InboxId;

struct ModelMessage {
  std::string queue;
  std::string topic;
  std::size_t bytes = 0;
  bool evictable = false;
  bool taken = false;
  std::uint32_t failures = 0;
  base::WallTime due{};
};

/// The promises of Inbox, implemented by searching all messages each time.
class Model {
 public:
  explicit Model(core::InboxLimits limits) : limits_(limits) {}

  /// Checks `outcome`, the inbox's result. Between queues that are equally full, the inbox's choice
  /// is accepted.
  void append(const ModelMessage& message, const core::AppendOutcome& outcome) {
    Evictions evicted;
    std::size_t dropped = 0;
    for (const auto& e : outcome.evicted) {
      evicted[e.queue] += e.messages;
      dropped += e.messages;
    }
    EXPECT_EQ(outcome.dropped, dropped);
    const InboxId id = outcome.id != 0 ? outcome.id : ~0ULL;
    messages[id] = message;
    if (message.evictable && !could_fit(id)) {
      EXPECT_EQ(evicted, (Evictions{{message.queue, 1}}));
      messages.erase(id);
    } else {
      EXPECT_TRUE(evict(id, evicted)) << "the wrong messages were dropped";
    }
    EXPECT_EQ(messages.contains(id), outcome.id != 0);
    EXPECT_EQ(outcome.full, full());
  }

  std::optional<InboxId> next(const std::string& queue, base::WallTime now,
                              Inbox::Order order) const {
    const bool by_key = order == Inbox::Order::kByKey && keyed.contains(queue);
    std::set<std::string> passed;  // keys that are not to be looked at (any more)
    if (by_key) {
      for (const auto& [id, m] : messages) {
        if (m.queue == queue && m.taken) passed.insert(m.topic);
      }
    }
    std::optional<InboxId> without_due;
    std::optional<std::pair<base::WallTime, InboxId>> due_first;
    for (const auto& [id, m] : messages) {
      if (m.queue != queue || m.taken) continue;
      if (by_key && !passed.insert(m.topic).second) continue;
      if (order == Inbox::Order::kStrict) return m.due <= now ? std::optional(id) : std::nullopt;
      if (m.due == base::WallTime{}) {
        if (!without_due) without_due = id;
      } else if (m.due <= now && (!due_first || std::pair{m.due, id} < *due_first)) {
        due_first = {m.due, id};
      }
    }
    if (!due_first || (without_due && turns(by_key).contains(queue))) return without_due;
    return due_first->second;
  }
  void take(InboxId id, Inbox::Order order) {
    ModelMessage& message = messages[id];
    message.taken = true;
    if (order == Inbox::Order::kStrict) return;
    auto& turn = order == Inbox::Order::kByKey && keyed.contains(message.queue)
                     ? due_was_last_by_key_
                     : due_was_last_;
    if (message.due == base::WallTime{}) {
      turn.erase(message.queue);
    } else {
      turn.insert(message.queue);
    }
  }
  void order_by(const std::string& queue, bool topic) {
    if (topic == keyed.contains(queue)) return;
    due_was_last_by_key_.erase(queue);
    if (topic) {
      keyed.insert(queue);
    } else {
      keyed.erase(queue);
    }
  }
  /// Forgets a queue without messages, and whose turn it was.
  void forget_empty_queues() {
    for (auto* turn : {&due_was_last_, &due_was_last_by_key_}) {
      std::erase_if(*turn, [&](const std::string& queue) {
        return std::none_of(messages.begin(), messages.end(),
                            [&](const auto& m) { return m.second.queue == queue; });
      });
    }
  }
  core::InboxUsage usage() const {
    core::InboxUsage sum;
    for (const auto& [id, m] : messages) {
      sum.messages += 1;
      sum.bytes += m.bytes;
    }
    return sum;
  }
  bool full() const {
    return kept().messages >= limits_.max_messages || kept().bytes >= limits_.max_bytes;
  }
  bool half_empty() const {
    return kept().messages * 2 < limits_.max_messages && kept().bytes * 2 < limits_.max_bytes;
  }

  std::map<InboxId, ModelMessage> messages;
  std::set<std::string> keyed;  // queues that have keys: the topics

 private:
  const std::set<std::string>& turns(bool by_key) const {
    return by_key ? due_was_last_by_key_ : due_was_last_;
  }
  using Evictions = std::map<std::string, std::size_t>;

  /// Drops what the rule says for the message `id`, if `left` can be the result.
  bool evict(InboxId id, Evictions left) {
    if (!over() || !messages.contains(id) || !something_evictable()) {
      for (const auto& [queue, n] : left) {
        if (n > 0) return false;
      }
      return true;
    }
    for (const std::string& victim : fullest()) {
      if (left[victim] == 0) continue;
      const auto before = messages;
      Evictions rest = left;
      --rest[victim];
      messages.erase(oldest_evictable(victim));
      if (evict(id, rest)) return true;
      messages = before;
    }
    return false;
  }
  bool over() const {
    return usage().messages > limits_.max_messages || usage().bytes > limits_.max_bytes;
  }
  core::InboxUsage kept(InboxId counted = 0) const {
    core::InboxUsage sum;
    for (const auto& [id, m] : messages) {
      if (m.evictable && !m.taken && id != counted) continue;
      sum.messages += 1;
      sum.bytes += m.bytes;
    }
    return sum;
  }
  bool could_fit(InboxId id) const {
    const core::InboxUsage sum = kept(id);
    return sum.messages <= limits_.max_messages && sum.bytes <= limits_.max_bytes;
  }
  bool something_evictable() const {
    for (const auto& [id, m] : messages) {
      if (m.evictable && !m.taken) return true;
    }
    return false;
  }
  std::vector<std::string> fullest() const {
    const bool by_messages = usage().messages > limits_.max_messages;
    std::map<std::string, std::size_t> held;
    for (const auto& [id, m] : messages) held[m.queue] += by_messages ? 1 : m.bytes;
    std::erase_if(held, [&](const auto& h) { return oldest_evictable(h.first) == 0; });
    std::size_t most = 0;
    for (const auto& [queue, amount] : held) most = std::max(most, amount);
    std::vector<std::string> out;
    for (const auto& [queue, amount] : held) {
      if (amount == most) out.push_back(queue);
    }
    return out;
  }
  InboxId oldest_evictable(const std::string& queue) const {
    for (const auto& [id, m] : messages) {
      if (m.queue == queue && m.evictable && !m.taken) return id;
    }
    return 0;
  }

  core::InboxLimits limits_;
  std::set<std::string> due_was_last_;  // queues
  std::set<std::string> due_was_last_by_key_;
};

std::uint64_t first_seed() {
  const char* text = std::getenv("SEED");
  return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_P(InboxModel, any_sequence_of_operations_does_what_the_model_does) {
  const std::uint64_t asked = first_seed();
  for (std::uint64_t seed = asked == 0 ? 1 : asked; seed <= (asked == 0 ? 150 : asked); ++seed) {
    SCOPED_TRACE("run it again with SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    const core::InboxLimits limits{.max_messages = 5 + pick(30), .max_bytes = 4000 + pick(20'000)};
    auto inbox = make(limits);
    Model model(limits);
    const std::vector<std::string> queues{"a", "b/#", "+/c", std::string(Inbox::kUnclaimed)};
    const std::vector<std::string> topics{"a", "b/c", "b/d", "x/c", "y"};
    base::WallTime now = kNow;
    for (int step = 0; step < 300 && !HasFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      const std::string& queue = queues[pick(queues.size())];
      constexpr Inbox::Order kOrders[] = {kReady, kStrict, Inbox::Order::kByKey};
      const auto order = kOrders[pick(3)];
      std::vector<InboxId> taken;
      for (const auto& [id, m] : model.messages) {
        if (m.taken) taken.push_back(id);
      }
      switch (pick(10)) {
        case 0:
        case 1:
        case 2:
        case 3: {
          const bool evictable = pick(4) != 0;
          auto message = make_message(topics[pick(topics.size())], pick(2) * pick(3000));
          const ModelMessage mirrored{
              queue, message.topic, message.footprint(), evictable, false, 0, {}};
          const auto outcome = inbox->append(queue, std::move(message), evictable);
          ASSERT_TRUE(outcome.ok());
          model.append(mirrored, outcome.value());
          break;
        }
        case 4:
        case 5: {
          const auto entry = inbox->take(queue, now, order);
          const auto expected = model.next(queue, now, order);
          ASSERT_EQ(entry ? std::optional(entry->id) : std::nullopt, expected);
          if (entry) {
            EXPECT_EQ(entry->failures, model.messages[*expected].failures);
            model.take(*expected, order);
          }
          break;
        }
        case 6:
          if (taken.empty()) break;
          inbox->settle(taken.front());
          model.messages.erase(taken.front());
          break;
        case 7: {
          if (taken.empty()) break;
          const InboxId id = taken[pick(taken.size())];
          ModelMessage& m = model.messages[id];
          m.taken = false;
          m.failures = static_cast<std::uint32_t>(pick(5));
          m.due = pick(4) == 0 ? base::WallTime{} : now + std::chrono::milliseconds(pick(3) * 100);
          inbox->release(id, m.failures, m.due);
          break;
        }
        case 8: {
          if (queue.empty()) break;
          const auto filter = core::TopicFilter::parse(queue).value();
          std::size_t moved = 0;
          for (auto& [id, m] : model.messages) {
            if (!m.queue.empty() || m.taken || !filter.matches(m.topic)) continue;
            m.queue = queue;
            ++moved;
          }
          EXPECT_EQ(inbox->claim(filter), moved);
          break;
        }
        default:
          if (pick(5) == 0 && !queue.empty()) {
            const bool topic = pick(2) == 0;
            inbox->order_by(queue, topic ? std::optional(core::OrderKey()) : std::nullopt);
            model.order_by(queue, topic);
          } else if (pick(10) == 0) {
            const auto dropped = std::erase_if(model.messages, [&](const auto& m) {
              return m.second.queue == queue && !m.second.taken;
            });
            EXPECT_EQ(inbox->discard(queue), dropped);
          } else {
            now += std::chrono::milliseconds(pick(150));
          }
      }
      model.forget_empty_queues();
      EXPECT_EQ(inbox->usage().messages, model.usage().messages);
      EXPECT_EQ(inbox->usage().bytes, model.usage().bytes);
      EXPECT_EQ(inbox->full(), model.full());
      EXPECT_EQ(inbox->half_empty(), model.half_empty());
      for (const std::string& q : queues) {
        for (const auto o : kOrders) {
          // If something has to be read from the disk first, next_due() says now.
          if (o == Inbox::Order::kByKey && model.keyed.contains(q)) continue;
          const auto due = inbox->next_due(q, o);
          EXPECT_EQ(due && *due <= now, model.next(q, now, o).has_value());
        }
      }
    }
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace dapr_mqtt::testing
