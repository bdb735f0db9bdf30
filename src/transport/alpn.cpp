#include "transport/alpn.h"

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::transport {
namespace {

/// https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html
constexpr const char* kAwsIot = "x-amzn-mqtt-ca";
constexpr std::uint16_t kHttps = 443;

bool is_aws_iot(const core::Endpoint& endpoint) {
  const std::string host = base::to_lower(endpoint.host);
  return endpoint.transport == core::Transport::kTls && endpoint.port == kHttps &&
         host.find(".iot.") != std::string::npos &&
         (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"));
}

}  // namespace

std::vector<std::string> alpn_for(const core::Endpoint& endpoint, const core::TlsMaterial& tls) {
  if (!tls.alpn.empty()) return tls.alpn;
  if (is_aws_iot(endpoint)) return {kAwsIot};
  return {};
}

std::string alpn_offer(const std::vector<std::string>& protocols) {
  std::string out;
  for (const std::string& protocol : protocols) {
    out += static_cast<char>(protocol.size());
    out += protocol;
  }
  return out;
}

}  // namespace dapr_mqtt::transport
