#include "instance/dead_letters.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/text.h"
#include "instance/dead_letter_message.h"

namespace dapr_mqtt::instance {

DeadLetters::DeadLetters(Settings settings, base::Executor& executor, core::Counters& counters,
                         base::Log log, Publish publish, Done done)
    : settings_(std::move(settings)),
      executor_(executor),
      counters_(counters),
      log_(std::move(log)),
      publish_(std::move(publish)),
      done_(std::move(done)),
      self_(std::make_shared<DeadLetters*>(this)) {}

void DeadLetters::take(const delivery::GivenUp& given_up) {
  const core::InboxId id = given_up.delivery.id;
  letters_.emplace(
      id, Letter{given_up.reason, given_up.filter, given_up.delivery, std::string(given_up.error),
                 base::Backoff(settings_.retry_first, settings_.retry_most, id), 0, 0});
  // In a task of its own: the dispatcher must not be called from inside its hook.
  executor_.post([weak = std::weak_ptr<DeadLetters*>(self_), id] {
    if (const auto self = weak.lock()) (*self)->send(id);
  });
}

void DeadLetters::send(core::InboxId id) {
  const auto it = letters_.find(id);
  if (it == letters_.end() || stopped_) return;
  Letter& letter = it->second;
  letter.until_connected = 0;
  if (letter.delivery.message->topic == settings_.topic.str()) {
    // The message is a dead letter already: without this it would go in a circle for ever.
    log_.error("a message of the dead-letter topic " + base::quote(settings_.topic.str()) +
               " itself is dropped: this Component subscribes to it (filter " +
               base::quote(letter.filter.str()) + ") and the app failed it");
    core::bump(counters_.dead_letters_lost);
    return finish(id);
  }
  publish_(
      dead_letter_message({letter.reason, letter.filter, letter.delivery, letter.error},
                          settings_.topic, settings_.protocol),
      [&executor = executor_, weak = std::weak_ptr<DeadLetters*>(self_), id](base::Status status) {
        executor.post([weak, id, status = std::move(status)] {
          if (const auto self = weak.lock()) (*self)->answered(id, status);
        });
      });
}

void DeadLetters::answered(core::InboxId id, const base::Status& status) {
  const auto it = letters_.find(id);
  if (it == letters_.end() || stopped_) return;
  if (status.ok()) {
    core::bump(counters_.dead_lettered);
    if (std::exchange(failing_, false)) log_.info("dead letters can be published again");
    return finish(id);
  }
  const bool rejected = status.kind() == base::ErrorKind::kFailedPrecondition &&
                        ++it->second.rejections == kMostRejections;
  if (rejected || status.kind() == base::ErrorKind::kInvalidArgument) return drop(id, status);
  if (!std::exchange(failing_, true)) {
    log_.error("a dead letter did not reach the broker: " + status.message() +
               "; it stays in the inbox and is sent again until it does");
  }
  const auto timer = executor_.post_at(executor_.now() + it->second.backoff.next(),
                                       [weak = std::weak_ptr<DeadLetters*>(self_), id] {
                                         if (const auto self = weak.lock()) (*self)->send(id);
                                       });
  if (status.kind() == base::ErrorKind::kUnavailable) it->second.until_connected = timer;
}

void DeadLetters::connected() {
  std::vector<core::InboxId> waiting;
  for (auto& [id, letter] : letters_) {
    if (letter.until_connected == 0) continue;
    executor_.cancel(letter.until_connected);
    waiting.push_back(id);
  }
  for (const core::InboxId id : waiting) send(id);
}

void DeadLetters::drop(core::InboxId id, const base::Status& why) {
  const core::IncomingMessage& message = *letters_.at(id).delivery.message;
  core::bump(counters_.dead_letters_lost);
  log_.error("message " + std::to_string(id) + " on topic " + base::quote(message.topic) + " (" +
             std::to_string(std::max(message.full_size, message.payload.size())) +
             " bytes) is dropped: the broker does not take its dead letter: " + why.message());
  finish(id);
}

void DeadLetters::finish(core::InboxId id) {
  letters_.erase(id);
  done_(id);
}

}  // namespace dapr_mqtt::instance
