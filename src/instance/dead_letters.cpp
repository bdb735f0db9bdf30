#include "instance/dead_letters.h"

#include <utility>

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
  letters_.emplace(id, Letter{given_up.reason, given_up.filter, given_up.delivery,
                              std::string(given_up.error),
                              base::Backoff(settings_.retry_first, settings_.retry_most, id)});
  // In a task of its own: the dispatcher must not be called from its hook.
  executor_.post([weak = std::weak_ptr<DeadLetters*>(self_), id] {
    if (const auto self = weak.lock()) (*self)->send(id);
  });
}

void DeadLetters::send(core::InboxId id) {
  const auto it = letters_.find(id);
  if (it == letters_.end() || stopped_) return;
  const Letter& letter = it->second;
  if (letter.delivery.message->topic == settings_.topic.str()) {
    // It is one already: for ever in a circle otherwise.
    log_.error("a message of the dead-letter topic " + base::quote(settings_.topic.str()) +
               " itself is dropped: this Component subscribes to it (filter " +
               base::quote(letter.filter.str()) + ") and the app failed it");
    core::bump(counters_.dead_letters_lost);
    return finish(id);
  }
  publish_(dead_letter_message({letter.reason, letter.filter, letter.delivery, letter.error},
                               settings_.topic, settings_.qos, settings_.protocol),
           [&executor = executor_, weak = std::weak_ptr<DeadLetters*>(self_),
            id](base::Status status) {
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
    if (std::exchange(failing_, false)) log_.info("dead letters reach the broker again");
    return finish(id);
  }
  if (status.kind() == base::ErrorKind::kInvalidArgument) {
    core::bump(counters_.dead_letters_lost);
    log_.error("message " + std::to_string(id) + " on topic " +
               base::quote(it->second.delivery.message->topic) +
               " is dropped: as a dead letter the broker takes it never: " + status.message());
    return finish(id);
  }
  if (!std::exchange(failing_, true)) {
    log_.error("a dead letter did not reach the broker: " + status.message() +
               "; it stays in the inbox and is sent again until it does");
  }
  executor_.post_at(executor_.now() + it->second.backoff.next(),
                    [weak = std::weak_ptr<DeadLetters*>(self_), id] {
                      if (const auto self = weak.lock()) (*self)->send(id);
                    });
}

void DeadLetters::finish(core::InboxId id) {
  letters_.erase(id);
  done_(id);
}

}  // namespace dapr_mqtt::instance
