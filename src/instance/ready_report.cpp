#include "instance/ready_report.h"

#include <utility>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::instance {
namespace {

constexpr std::size_t kMaxNamed = 10;

std::string describe(const core::ConnectionOptions& options) {
  std::string out;
  for (const core::Endpoint& endpoint : options.endpoints) {
    out += (out.empty() ? "" : " or ") + endpoint.str();
  }
  out += options.protocol == core::ProtocolVersion::kMqtt5 ? ", MQTT 5" : ", MQTT 3.1.1";
  out += options.clean_session ? ", clean session" : ", persistent session";
  return out + " of " + base::quote(options.client_id, 64);
}

}  // namespace

ReadyReport::ReadyReport(base::Executor& executor, base::Log log,
                         const core::ConnectionOptions& options)
    : executor_(executor), log_(std::move(log)), where_(describe(options)) {}

void ReadyReport::begins(const core::TopicFilter& filter) {
  filters_.insert(filter);
  ++open_;
}

void ReadyReport::settled() {
  if (--open_ == 0) look_later();
}

void ReadyReport::healthy(bool yes) {
  if (std::exchange(healthy_, yes) != yes && yes) look_later();
}

void ReadyReport::look_later() {
  if (timer_ != 0) executor_.cancel(timer_);
  timer_ = executor_.post_at(executor_.now() + kNoMoreCome, [this] {
    timer_ = 0;
    look();
  });
}

void ReadyReport::look() {
  if (open_ > 0 || !healthy_ || filters_.empty()) return;
  std::string topics;
  std::size_t named = 0;
  for (const core::TopicFilter& filter : filters_) {
    if (named++ == kMaxNamed) break;
    topics += (topics.empty() ? "" : ", ") + base::quote(filter.str(), 128);
  }
  if (filters_.size() > kMaxNamed) {
    topics += " and " + std::to_string(filters_.size() - kMaxNamed) + " more";
  }
  if (topics == last_) return;
  last_ = topics;
  log_.info("ready: receives " + topics + " from " + where_);
}

}  // namespace dapr_mqtt::instance
