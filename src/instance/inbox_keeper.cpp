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
  inbox_.watch([&timer = executor_, after = times_.flush_after,
                weak = std::weak_ptr<InboxKeeper*>(self_)] {
    timer.post_at(timer.now() + after, [weak] {
      if (const auto self = weak.lock()) (*self)->flush();
    });
  });
}

void InboxKeeper::disk_failed(const base::Status& cause) {
  executor_.post([weak = std::weak_ptr<InboxKeeper*>(self_), cause] {
    if (const auto self = weak.lock()) (*self)->fails(cause);
  });
}

void InboxKeeper::fails(const base::Status& cause) {
  if (std::exchange(failing_, true)) return;
  log_.error("the inbox cannot be written: " + cause.message() +
             "; receiving stops, the broker queues for this session. What has come in is in memory "
             "and is delivered from there: if the process dies now, it is lost. Free the disk; it "
             "goes on by itself");
  hooks_.disk_fails(cause);
}

void InboxKeeper::flush_in(base::Duration delay) {
  executor_.post_at(executor_.now() + delay, [weak = std::weak_ptr<InboxKeeper*>(self_)] {
    if (const auto self = weak.lock()) (*self)->flush();
  });
}

void InboxKeeper::flush() {
  const base::Result<bool> more = inbox_.flush();
  if (!more.ok()) {
    fails(more.status());
    flush_in(backoff_.next());
    return;
  }
  backoff_.reset();
  if (more.value()) {
    flush_in({});  // acknowledgements get in between
    return;
  }
  if (!std::exchange(failing_, false)) return;
  log_.info("the inbox can be written again, all that came in meanwhile is stored: receiving goes on");
  hooks_.disk_works();
}

}  // namespace dapr_mqtt::instance
