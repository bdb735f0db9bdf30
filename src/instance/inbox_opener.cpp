#include "instance/inbox_opener.h"

#include <pthread.h>

#include <string>
#include <system_error>
#include <utility>

namespace dapr_mqtt::instance {

InboxOpener::~InboxOpener() {
  for (;;) {
    Threads ending;
    {
      base::MutexLock lock(mutex_);
      if (running_.empty() && finished_.empty()) return;
      ending.swap(finished_);
      // Threads that still run stay in running_: each moves itself to finished_ at its end.
      if (ending.empty()) one_finished_.wait(mutex_);
    }
    for (std::thread& thread : ending) thread.join();
  }
}

void InboxOpener::open(Open open, Done done) {
  base::Status refused =
      base::resource_exhausted(std::to_string(kMost) +
                               " inboxes are being opened already: look at the disk with the state "
                               "folder (--state-dir), which does not answer");
  {
    base::MutexLock lock(mutex_);
    for (std::thread& thread : finished_) thread.join();  // does not wait: they are about to end
    finished_.clear();
    if (running_.size() < kMost) {
      const auto place = running_.emplace(running_.end());
      try {
        *place = std::thread([this, place, open, done] { run(place, open, done); });
        return;
      } catch (const std::system_error& e) {
        running_.erase(place);
        refused = base::resource_exhausted("cannot start a thread for the inbox: " +
                                           std::string(e.what()));
      }
    }
  }
  done(std::move(refused));
}

void InboxOpener::run(Threads::iterator place, const Open& open, const Done& done) {
  ::pthread_setname_np(::pthread_self(), "mqtt-inbox");
  done(open());
  base::MutexLock lock(mutex_);
  finished_.splice(finished_.end(), running_, place);
  one_finished_.notify_one();
}

}  // namespace dapr_mqtt::instance
