// A Component's metadata, as Init gets it, and its two kinds of URLs separately. For any value the
// result is settings or problems, each time the same, and no problem shows a secret. The first byte
// says what the input is: a broker's URLs, a proxy's URL, or keys and values. The second byte says
// where in a secret the target puts a mark.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "config/proxy_url.h"
#include "config/url.h"
#include "dapr_mqtt/config/component_settings.h"
#include "dapr_mqtt/config/keys.h"
#include "fuzz/input.h"
#include "fuzz/require.h"
#include "fuzz/seeds.h"

namespace {

using namespace dapr_mqtt;
using fuzz::require;

/// The mark that the target puts into a secret. The fuzzer's own bytes would not do: libFuzzer
/// learns the words of our texts from comparisons, and a "secret" that is such a word may be in a
/// note.
constexpr std::string_view kMark = "qX7fWk2z";

bool holds(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

/// Puts the mark into the first user's password, if there is one: neither a problem nor the text
/// that is shown of a URL contains it.
void check_password(std::string_view text, unsigned at) {
  const std::size_t scheme = text.find("://"), end = text.find('@');
  if (scheme == text.npos || end == text.npos || end < scheme || holds(text, kMark)) return;
  const std::size_t user = scheme + 3, colon = text.find(':', user);
  if (colon > end || text.substr(user, end - user).find_first_of(",/?#") != text.npos) return;
  std::string secret(text);
  secret.insert(colon + 1 + at % (end - colon), kMark);

  std::vector<std::string> shown(1);
  const auto proxy = config::parse_proxy_url(secret, shown[0]);
  if (proxy) shown.push_back(proxy->str());
  const config::BrokerUrls urls = config::parse_broker_urls(secret, shown);
  for (const core::Endpoint& endpoint : urls.endpoints) shown.push_back(endpoint.str());
  for (const std::string& part : shown) require(!holds(part, kMark), "nothing shows the password");
}

void check_broker_urls(std::string_view text) {
  std::vector<std::string> problems;
  const config::BrokerUrls urls = config::parse_broker_urls(text, problems);
  if (!problems.empty()) return;
  require(!urls.endpoints.empty(), "without problems there is a broker");
  for (const core::Endpoint& endpoint : urls.endpoints) {
    require(!endpoint.host.empty() && endpoint.port != 0, "a broker has a host and a port");
    std::vector<std::string> again;
    const auto shown = config::parse_broker_urls(endpoint.str(), again);
    require(again.empty() && shown.endpoints.size() == 1, "what is shown is a URL");
    require(shown.endpoints[0].transport == endpoint.transport &&
                shown.endpoints[0].host == endpoint.host &&
                shown.endpoints[0].port == endpoint.port,
            "of the same broker");
  }
}

void check_proxy_url(std::string_view text) {
  std::string problem;
  const auto proxy = config::parse_proxy_url(text, problem);
  require(proxy.has_value() == problem.empty(), "a proxy or a problem");
  if (!proxy) return;
  require(!proxy->host.empty() && proxy->port != 0, "a proxy has a host and a port");
  const auto shown = config::parse_proxy_url(proxy->str(), problem);
  require(shown && shown->host == proxy->host && shown->port == proxy->port,
          "what is shown is a URL");
}

/// Puts the mark into each secret: no note contains it.
void check_no_secret(core::Metadata metadata, unsigned at) {
  for (const auto& [name, value] : metadata) {
    if (holds(name, kMark) || holds(value, kMark)) return;
  }
  for (auto& [name, value] : metadata) {
    const config::KeyInfo* const key = config::find_key(name);
    if (key == nullptr || !key->sensitive) continue;
    // These are shown without the password: see check_password.
    if (key->name == "url" || key->name == "proxyURL" || key->name == "username") continue;
    // Lines of "Name: value", of which the names are shown.
    std::size_t begin = 0, end = value.size();
    if (key->name == "webSocketHeaders") {
      begin = value.find(':') + 1;
      end = std::min(value.find('\n', begin), end);
      if (begin == 0) continue;
    }
    value.insert(begin + at % (end - begin + 1), kMark);
  }
  const config::MetadataReport report = config::check_component_metadata(metadata);
  for (const auto* notes : {&report.problems, &report.warnings}) {
    for (const config::Note& note : *notes) {
      require(!holds(note.text, kMark), "no note shows a secret");
    }
  }
}

void check_metadata(const core::Metadata& metadata) {
  const config::MetadataReport report = config::check_component_metadata(metadata);
  // One for each key and more for lines of headers; far from one for each byte.
  require(report.warnings.size() <= 200, "warnings are bounded");
  if (!report.problems.empty()) return;
  require(!report.settings.connection.endpoints.empty() &&
              !report.settings.connection.client_id.empty(),
          "without problems there is a broker to connect to, and as whom");
  require(config::check_component_metadata(metadata).problems.empty(), "it is the same each time");
}

}  // namespace

std::vector<std::string> dapr_mqtt::fuzz::seeds() {
  using namespace std::string_literals;
  std::vector<std::string> all = {
      "\0\0tcp://user:pass%20word@broker.example:1883,mqtts://[::1]"s,
      "\0\0wss://u:p@h:443/mqtt?token=x"s,
      "\0\0tcp://a:b@c@d,e"s,
      "\0\0localhost:1883"s,
      "\1\0http://me%40x:p%3Aq@[::1]:3128"s,
      "\1\0socks5h://p:1080"s,
      metadata_seed('\2', {{"url", "ssl://b"},
                           {"consumerID", "c-{uuid}"},
                           {"clientIdPublisher", "p"},
                           {"protocolVersion", "5"},
                           {"password", "hush-hush"},
                           {"authMethod", "JWT"},
                           {"authData", "hush-hush-hush"},
                           {"willTopic", "w"},
                           {"willUserProperties", "a=b"},
                           {"webSocketHeaders", "A: b"}})
          .insert(1, 1, '\3'),
  };
  // Each key with its example.
  for (const config::KeyInfo& key : config::keys()) {
    all.push_back(metadata_seed('\2', {{"url", "tcp://b"},
                                       {"consumerID", "c"},
                                       {std::string(key.name), std::string(key.example)}})
                      .insert(1, 1, '\3'));
  }
  return all;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const unsigned kind = input.byte() % 3, at = input.byte();
  if (kind == 0) check_broker_urls(input.rest());
  if (kind == 1) check_proxy_url(input.rest());
  if (kind != 2) {
    check_password(input.rest(), at);
  } else {
    const core::Metadata metadata = input.metadata();
    check_metadata(metadata);
    check_no_secret(metadata, at);
  }
  return 0;
}
