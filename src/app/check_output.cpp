#include "app/check_output.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/print.h"
#include "app/progress.h"
#include "app/terminal.h"

namespace dapr_mqtt::app {
namespace {

using inspect::Outcome;

const char* word(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed: return "ok";
    case Outcome::kWarning: return "warn";
    case Outcome::kFailed: return "FAIL";
  }
  return "";
}

const char* colour(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed: return "\033[32m";
    case Outcome::kWarning: return "\033[33m";
    case Outcome::kFailed: return "\033[1;31m";
  }
  return "";
}

std::string line(const ShownStep& shown, bool colours) {
  const inspect::Step& step = shown.step;
  char head[64];
  std::snprintf(head, sizeof head, "%-10s%10s  ", step.name.c_str(),
                milliseconds(step.took).c_str());
  std::string mark = word(step.outcome);
  mark.resize(4, ' ');
  if (colours) mark = colour(step.outcome) + mark + "\033[0m";
  return "  " + mark + "  " + head + step.text;
}

nlohmann::ordered_json to_json(const inspect::Mqtt5& mqtt5) {
  nlohmann::ordered_json out = {{"offered", mqtt5.offered}};
  if (!mqtt5.offered) return out;
  const core::BrokerLimits& limits = mqtt5.limits;
  out["maximumQos"] = core::to_int(limits.maximum_qos);
  out["retainAvailable"] = limits.retain_available;
  out["wildcardSubscriptionAvailable"] = limits.wildcards_available;
  out["sharedSubscriptionAvailable"] = limits.shared_available;
  out["subscriptionIdentifiersAvailable"] = limits.subscription_ids_available;
  out["receiveMaximum"] = limits.receive_maximum;
  out["topicAliasMaximum"] = limits.topic_alias_maximum;
  out["maximumPacketSize"] = limits.maximum_packet_size;
  if (limits.server_keep_alive) out["serverKeepAlive"] = limits.server_keep_alive->count();
  if (limits.session_expiry) out["sessionExpiryInterval"] = limits.session_expiry->count();
  if (!limits.assigned_client_id.empty()) {
    out["assignedClientIdentifier"] = limits.assigned_client_id;
  }
  return out;
}

/// For outputs that need all steps first.
class Collected : public CheckOutput {
 public:
  void begin(const std::string& endpoint, const std::string& name) override {
    progress_.emplace(endpoint + ": " + name);
  }
  void end(const ShownStep& shown) override {
    progress_.reset();
    steps_.push_back(shown);
  }

 protected:
  std::vector<ShownStep> steps_;
  std::optional<Progress> progress_;
};

class Plain final : public Collected {
 public:
  void finish() override {
    std::printf("%s\n", verdict(steps_).c_str());
    std::string endpoint;
    for (const ShownStep& shown : steps_) {
      if (shown.endpoint != endpoint) std::printf("%s\n", shown.endpoint.c_str());
      endpoint = shown.endpoint;
      std::printf("%s\n", line(shown, false).c_str());
    }
  }
};

class JsonReport final : public Collected {
 public:
  void finish() override {
    nlohmann::ordered_json steps = nlohmann::ordered_json::array();
    bool passed = true;
    for (const ShownStep& shown : steps_) {
      const inspect::Step& step = shown.step;
      passed = passed && step.outcome != Outcome::kFailed;
      steps.push_back({{"endpoint", shown.endpoint},
                       {"step", step.name},
                       {"outcome", step.outcome == Outcome::kPassed    ? "passed"
                                   : step.outcome == Outcome::kWarning ? "warning"
                                                                       : "failed"},
                       {"microseconds", step.took.count()},
                       {"text", step.text}});
      if (step.mqtt5) steps.back()["mqtt5"] = to_json(*step.mqtt5);
    }
    const nlohmann::ordered_json all = {
        {"passed", passed}, {"verdict", verdict(steps_)}, {"steps", steps}};
    std::printf("%s\n",
                all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
  }
};

class Live final : public Collected {
 public:
  void begin(const std::string& endpoint, const std::string& name) override {
    if (endpoint != endpoint_) std::printf("%s\n", endpoint.c_str());
    endpoint_ = endpoint;
    const std::string line = "  ....  " + name;
    std::printf("%s", line.c_str());
    std::fflush(stdout);
    progress_.emplace(line);
  }
  void end(const ShownStep& shown) override {
    Collected::end(shown);
    std::printf("\r\033[K%s\n", line(shown, colours_).c_str());
  }
  void finish() override { std::printf("%s\n", verdict(steps_).c_str()); }

 private:
  const bool colours_ = wants_colours();
  std::string endpoint_;
};

}  // namespace

std::unique_ptr<CheckOutput> make_check_output(bool json) {
  if (json) return std::make_unique<JsonReport>();
  if (is_terminal(STDOUT_FILENO)) return std::make_unique<Live>();
  return std::make_unique<Plain>();
}

std::string verdict(const std::vector<ShownStep>& steps) {
  std::size_t warnings = 0;
  for (const ShownStep& shown : steps) {
    if (shown.step.outcome == Outcome::kFailed) {
      return "failed: " + shown.endpoint + ": " + shown.step.name + ": " + shown.step.text;
    }
    warnings += shown.step.outcome == Outcome::kWarning ? 1U : 0U;
  }
  return "passed: " + std::to_string(steps.size()) + " steps" +
         (warnings == 0 ? "" : ", " + std::to_string(warnings) + " with a warning");
}

}  // namespace dapr_mqtt::app
