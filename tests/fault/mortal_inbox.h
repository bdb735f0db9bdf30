// An inbox in which the process dies at a named moment, as kill -9 would have it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "support/forwarding_inbox.h"

namespace dapr_mqtt::testing {

/// "<point>:<n>": at the n-th time that this point is reached. Points:
///   before-commit   a message has come in, its append not begun
///   after-commit    it has been committed (counted for each message, though several
///                   may be committed at once), the broker has no answer yet
///   before-delete   acknowledgements of the app are about to be written
///   after-delete    they have been
///   before-release  QoS 2: PUBREL has come, its packet identifier is not removed
///   after-release   QoS 2: that has been committed, PUBCOMP not sent
class Death {
 public:
  explicit Death(const std::string& when);
  void reached(const char* point);

 private:
  std::string point_;
  std::atomic<long> left_{0};
};

class MortalInbox final : public ForwardingInbox<core::DurableInbox> {
 public:
  MortalInbox(std::unique_ptr<core::DurableInbox> inbox, std::shared_ptr<Death> death);
  ~MortalInbox() override;

  base::Result<core::AppendOutcome> append(std::string_view queue, core::IncomingMessage message,
                                           bool evictable, core::Keep keep) override;
  base::Status commit() override;
  void watch(std::function<void()> unwritten) override { to().watch(std::move(unwritten)); }
  base::Result<bool> flush() override;
  void close() override { to().close(); }
  core::SessionStore& session() override;

 private:
  class Session;

  const std::unique_ptr<core::DurableInbox> inbox_;
  const std::shared_ptr<Death> death_;
  const std::unique_ptr<Session> session_;  // uses the last one
  std::atomic<long> uncommitted_{0};
  std::atomic<long> uncommitted_releases_{0};
};

}  // namespace dapr_mqtt::testing
