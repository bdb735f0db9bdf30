#include "fault/mortal_inbox.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <utility>

namespace dapr_mqtt::testing {

Death::Death(const std::string& when) {
  const std::size_t colon = when.find(':');
  point_ = when.substr(0, colon);
  if (colon != std::string::npos) left_ = std::strtol(when.c_str() + colon + 1, nullptr, 10);
}

void Death::reached(const char* point) {
  if (point_ == point && left_.fetch_sub(1) == 1) ::kill(::getpid(), SIGKILL);
}

class MortalInbox::Session final : public core::SessionStore {
 public:
  Session(core::SessionStore& to, Death& death, std::atomic<long>& uncommitted)
      : to_(to), death_(death), uncommitted_(uncommitted) {}

  core::PacketStore& packets(std::size_t connection) override {
    auto& made = packets_[connection];
    if (!made) made = std::make_unique<Packets>(to_.packets(connection), death_, uncommitted_);
    return *made;
  }
  core::EventIds* event_ids(std::size_t connection) override { return to_.event_ids(connection); }
  std::vector<core::SessionSubscription> subscriptions() const override {
    return to_.subscriptions();
  }
  void subscribed(std::size_t connection, const core::TopicFilter& filter) override {
    to_.subscribed(connection, filter);
  }
  void unsubscribed(std::size_t connection, const core::TopicFilter& filter) override {
    to_.unsubscribed(connection, filter);
  }

 private:
  class Packets final : public core::PacketStore {
   public:
    Packets(core::PacketStore& to, Death& death, std::atomic<long>& uncommitted)
        : to_(to), death_(death), uncommitted_(uncommitted) {}
    void put(Id id) override { to_.put(id); }
    base::Status remove(Id id, core::Receipt safe) override {
      death_.reached("before-release");
      ++uncommitted_;
      return to_.remove(id, std::move(safe));
    }
    base::Status clear(core::Receipt safe) override { return to_.clear(std::move(safe)); }
    bool wants_acknowledging() const override { return to_.wants_acknowledging(); }
    void acknowledging(const std::vector<Id>& ids) override { to_.acknowledging(ids); }
    bool contains(Id id) const override { return to_.contains(id); }
    std::vector<Id> ids() const override { return to_.ids(); }

   private:
    core::PacketStore& to_;
    Death& death_;
    std::atomic<long>& uncommitted_;
  };

  core::SessionStore& to_;
  Death& death_;
  std::atomic<long>& uncommitted_;
  std::map<std::size_t, std::unique_ptr<Packets>> packets_;  // one thread's
};

MortalInbox::MortalInbox(std::unique_ptr<core::DurableInbox> inbox, std::shared_ptr<Death> death)
    : ForwardingInbox(*inbox),
      inbox_(std::move(inbox)),
      death_(std::move(death)),
      session_(std::make_unique<Session>(inbox_->session(), *death_, uncommitted_releases_)) {}

MortalInbox::~MortalInbox() = default;

base::Result<core::AppendOutcome> MortalInbox::append(std::string_view queue,
                                                      core::IncomingMessage message, bool evictable,
                                                      core::Keep keep) {
  death_->reached("before-commit");
  uncommitted_.fetch_add(1);
  return to().append(queue, std::move(message), evictable, keep);
}

base::Status MortalInbox::commit() {
  base::Status status = to().commit();
  for (long left = uncommitted_.exchange(0); left > 0; --left) death_->reached("after-commit");
  for (long left = uncommitted_releases_.exchange(0); left > 0; --left) {
    death_->reached("after-release");
  }
  return status;
}

base::Result<bool> MortalInbox::flush() {
  death_->reached("before-delete");
  auto more = to().flush();
  death_->reached("after-delete");
  return more;
}

core::SessionStore& MortalInbox::session() { return *session_; }

}  // namespace dapr_mqtt::testing
