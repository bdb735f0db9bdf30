#include "instance/inbox_keeper.h"

#include <random>
#include <utility>

namespace dapr_mqtt::instance {

InboxKeeper::InboxKeeper(core::DurableInbox& inbox, base::Executor& executor, base::Log log,
                         Hooks hooks)
    : InboxKeeper(inbox, executor, std::move(log), std::move(hooks), Times{}) {}

InboxKeeper::InboxKeeper(core::DurableInbox& inbox, base::Executor& executor, base::Log log,
                         Hooks hooks, Times times)
    : inbox_(inbox),
      executor_(executor),
      log_(std::move(log)),
      hooks_(std::move(hooks)),
      times_(times),
      backoff_(times.retry_first, times.retry_most, std::random_device{}()),
      self_(std::make_shared<InboxKeeper*>(this)) {
  inbox_.watch(
      [&timer = executor_, after = times_.flush_after, weak = std::weak_ptr<InboxKeeper*>(self_)] {
        timer.post_at(timer.now() + after, [weak] {
          if (const auto self = weak.lock()) (*self)->flush();
        });
      });
}

void InboxKeeper::disk_failed(const base::Status& cause) {
  executor_.post([weak = std::weak_ptr<InboxKeeper*>(self_), cause] {
    const auto self = weak.lock();
    if (!self) return;
    (*self)->fails(cause);
    (*self)->try_again();
  });
}

void InboxKeeper::fails(const base::Status& cause) {
  if (std::exchange(failing_, true)) return;
  hooks_.disk_fails(cause);  // first, so that health agrees with the log line
  log_.error(
      "the inbox cannot be written: " + cause.message() +
      "; what should be stored is not acknowledged and stays at the broker, which queues for "
      "this session. Free the disk; it goes on by itself");
}

void InboxKeeper::try_again() {
  if (std::exchange(retry_posted_, true)) return;
  executor_.post_at(executor_.now() + backoff_.next(), [weak = std::weak_ptr<InboxKeeper*>(self_)] {
    const auto self = weak.lock();
    if (!self) return;
    (*self)->retry_posted_ = false;
    (*self)->flush();
  });
}

void InboxKeeper::flush() {
  const base::Result<bool> more = inbox_.flush();
  if (!more.ok()) {
    fails(more.status());
    try_again();
    return;
  }
  backoff_.reset();
  if (more.value()) {
    // As a task of its own, so that acknowledgements can run in between.
    executor_.post([weak = std::weak_ptr<InboxKeeper*>(self_)] {
      if (const auto self = weak.lock()) (*self)->flush();
    });
    return;
  }
  if (!std::exchange(failing_, false)) return;
  hooks_.disk_works();
  log_.info("the inbox can be written again");
}

}  // namespace dapr_mqtt::instance
