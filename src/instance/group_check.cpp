#include "instance/group_check.h"

#include <pthread.h>

#include <system_error>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/inspect/share_check.h"
#include "instance/client_identity.h"

namespace dapr_mqtt::instance {

GroupCheck::GroupCheck(core::BrokerClientFactory& broker, base::Logger& logger,
                       std::string log_name, core::ConnectionOptions connection)
    : broker_(broker),
      log_(logger, log_name),
      quiet_(logger),
      quiet_log_(quiet_, std::move(log_name)),
      connection_(std::move(connection)) {}

GroupCheck::~GroupCheck() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void GroupCheck::granted(const core::TopicFilter& filter, std::size_t endpoint) {
  if (begun_ || !filter.shared() || endpoint >= connection_.endpoints.size() ||
      connection_.protocol != core::ProtocolVersion::kMqtt311 ||
      !connection_.publisher_client_id.empty() || stop_.stop_requested()) {
    return;
  }
  begun_ = true;
  try {
    thread_ = std::thread([this, name = filter.str(), at = connection_.endpoints[endpoint]] {
      ::pthread_setname_np(::pthread_self(), "mqtt-group");
      check(name, at);
    });
  } catch (const std::system_error& e) {
    quiet_log_.debug("shared subscriptions are not checked: cannot start a thread: " +
                     std::string(e.what()));
  }
}

void GroupCheck::check(const std::string& filter, const core::Endpoint& endpoint) {
  core::ConnectionOptions connection = connection_;
  connection.endpoints = {endpoint};
  const auto found = inspect::treats_share_as_topic(broker_, quiet_log_, std::move(connection),
                                                    random_digits(8), stop_.get_token());
  if (stop_.stop_requested()) return;
  if (!found.ok()) {
    return quiet_log_.debug("it is not known whether " + endpoint.str() +
                            " has shared subscriptions: " + found.status().message());
  }
  if (!found.value()) {
    return quiet_log_.debug("no sign that " + endpoint.str() +
                            " treats $share/... as an ordinary topic");
  }
  const base::Status problem = base::failed_precondition(
      endpoint.str() + ": no message will come to " + base::quote(filter) +
      ": this broker treats $share/... as an ordinary topic and has no shared subscriptions. Leave "
      "consumerGroup (or $share/<group>/ in the topic) out, or use another broker: see "
      "docs/howto-brokers.md");
  {
    base::MutexLock lock(mutex_);
    problem_ = problem;
  }
  log_.warn(problem.message());
}

base::Status GroupCheck::problem() const {
  base::MutexLock lock(mutex_);
  return problem_;
}

}  // namespace dapr_mqtt::instance
