#include "dapr_mqtt/subscribe/subscribe_options.h"

#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::subscribe {
namespace {

class Reader {
 public:
  explicit Reader(const SubscribeDefaults& defaults) : defaults_(defaults) {
    request_.options.qos = defaults.qos;
  }

  void read(const std::string& key, const std::string& value) {
    const std::string name = base::to_lower(key);
    const std::string text(base::trim(value));
    if (text.empty()) return;
    if (name == "qos") {
      if (const auto number = small_number(key, text)) {
        request_.options.qos = static_cast<core::QoS>(*number);
      }
    } else if (name == "unsubscribeonclose") {
      boolean(key, text, request_.unsubscribe_on_close);
    } else if (name == "nolocal") {
      if (has_it(key)) boolean(key, text, request_.options.no_local);
    } else if (name == "retainaspublished") {
      if (has_it(key)) boolean(key, text, request_.options.retain_as_published);
    } else if (name == "retainhandling") {
      if (!has_it(key)) return;
      if (const auto number = small_number(key, text)) request_.options.retain_handling = *number;
    }
  }

  base::Result<SubscriptionRequest> take() {
    if (!problems_.empty()) return base::invalid_argument(problems_);
    return std::move(request_);
  }

 private:
  void problem(const std::string& key, const std::string& value, std::string_view allowed) {
    if (!problems_.empty()) problems_ += "; ";
    problems_ += "subscribe metadata " + base::quote(key, 64) + ": " + base::quote(value, 64) +
                 " is not " + std::string(allowed);
  }

  bool has_it(const std::string& key) {
    if (defaults_.protocol == core::ProtocolVersion::kMqtt5) return true;
    request_.ignored += (request_.ignored.empty() ? "" : ", ") + base::quote(key, 64);
    return false;
  }

  std::optional<int> small_number(const std::string& key, const std::string& text) {
    const auto number = base::parse_integer(text);
    if (number && *number >= 0 && *number <= 2) return static_cast<int>(*number);
    problem(key, text, "one of 0, 1, 2");
    return std::nullopt;
  }

  void boolean(const std::string& key, const std::string& text, bool& out) {
    if (const auto value = base::parse_bool(text)) {
      out = *value;
    } else {
      problem(key, text, "true or false");
    }
  }

  const SubscribeDefaults& defaults_;
  SubscriptionRequest request_;
  std::string problems_;
};

}  // namespace

base::Result<SubscriptionRequest> parse_subscribe_options(const core::Metadata& metadata,
                                                          const SubscribeDefaults& defaults) {
  Reader reader(defaults);
  for (const auto& [key, value] : metadata) reader.read(key, value);
  return reader.take();
}

}  // namespace dapr_mqtt::subscribe
