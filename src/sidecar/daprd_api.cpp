#include <httplib.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "dapr_mqtt/sidecar/daprd.h"

namespace dapr_mqtt::sidecar {
namespace {

constexpr time_t kTimeoutSeconds = 1;
constexpr const char* kTokenHeader = "dapr-api-token";

/// `text` of `json[key]`, or empty.
std::string text_of(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

base::Result<DaprdMetadata> parse_metadata(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("id")) {
    return base::failed_precondition("the server there is not a daprd");
  }
  DaprdMetadata metadata;
  metadata.app_id = text_of(json, "id");
  metadata.version = text_of(json, "runtimeVersion");
  const auto components = json.find("components");
  if (components == json.end() || !components->is_array()) return metadata;
  for (const auto& component : *components) {
    if (!component.is_object()) continue;
    const auto capabilities = component.find("capabilities");
    if (capabilities == component.end() || !capabilities->is_array()) continue;
    auto& out = metadata.capabilities[text_of(component, "name")];
    for (const auto& capability : *capabilities) {
      if (capability.is_string()) out.push_back(capability.get<std::string>());
    }
  }
  return metadata;
}

class HttpApi final : public DaprdApi {
 public:
  HttpApi(base::Secret token, std::vector<Address> trusted)
      : token_(std::move(token)), trusted_(std::move(trusted)) {}

  base::Result<DaprdMetadata> metadata(const Address& address) override {
    auto body = call(address, [](httplib::Client& client, const httplib::Headers& headers) {
      return client.Get("/v1.0/metadata", headers);
    });
    if (!body.ok()) return body.status();
    return parse_metadata(body.value());
  }

  base::Status shutdown(const Address& address) override {
    return call(address,
                [](httplib::Client& client, const httplib::Headers& headers) {
                  return client.Post("/v1.0/shutdown", headers, std::string(), "application/json");
                })
        .status();
  }

 private:
  template <typename Call>
  base::Result<std::string> call(const Address& address, const Call& send) const {
    httplib::Client client(address.host, address.port);
    client.set_connection_timeout(kTimeoutSeconds);
    client.set_read_timeout(kTimeoutSeconds);
    client.set_write_timeout(kTimeoutSeconds);
    httplib::Headers headers;
    if (!token_.empty() && std::find(trusted_.begin(), trusted_.end(), address) != trusted_.end()) {
      headers.emplace(kTokenHeader, token_.reveal());
    }
    const httplib::Result result = send(client, headers);
    if (!result) {
      if (result.error() == httplib::Error::Connection) return base::unavailable("nobody listens");
      return base::deadline_exceeded("no answer within a second");
    }
    if (result->status == 401) {
      return base::failed_precondition(
          "daprd refuses (401): give this component its DAPR_API_TOKEN and --daprd-address");
    }
    if (result->status < 200 || result->status > 299) {
      return base::failed_precondition("answers with HTTP status " +
                                       std::to_string(result->status));
    }
    return result->body;
  }

  const base::Secret token_;
  const std::vector<Address> trusted_;
};

}  // namespace

std::unique_ptr<DaprdApi> make_daprd_api(base::Secret token, std::vector<Address> trusted) {
  return std::make_unique<HttpApi>(std::move(token), std::move(trusted));
}

}  // namespace dapr_mqtt::sidecar
