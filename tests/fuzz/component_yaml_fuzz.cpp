// Component YAML, as `validate` and `check` read it. For any text the result is findings, each at a
// position in that text, and a Component without errors can be used.
#include <algorithm>
#include <string>

#include "dapr_mqtt/config/component_file.h"
#include "fuzz/require.h"
#include "fuzz/seeds.h"

namespace {

using namespace dapr_mqtt;
using fuzz::require;

}  // namespace

std::vector<std::string> dapr_mqtt::fuzz::seeds() {
  const std::string head =
      "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: m\nspec:\n"
      "  type: pubsub.mqtt\n  version: v1\n  metadata:\n  - name: url\n    value: tcp://b:1883\n";
  return {
      head,
      head + "  - {name: qos, value: 5.0}\n  - {name: keepAliveInterval, value: 10_000}\n",
      head + "  - name: password\n    secretKeyRef: {name: s, key: k}\nauth: {secretStore: x}\n",
      head + "  - name: caCert\n    value: |\n      -----BEGIN CERTIFICATE-----\n",
      head + "  - &a {name: retain, value: yes}\n  - *a\nscopes: [one, two]\n---\n" + head,
      R"({"apiVersion":"dapr.io/v1alpha1","kind":"Component","metadata":{"name":"m"},)"
      R"("spec":{"type":"pubsub.mqtt","version":"v1","metadata":[{"name":"url","value":null}]}})",
      "kind: List\nitems:\n- kind: Deployment\n  metadata: {name: d}\n  spec:\n    replicas: 3\n"
      "    template: {metadata: {annotations: {dapr.io/enabled: 'true', dapr.io/app-id: a}}}\n",
      "apiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata: {name: s}\nspec:\n"
      "  topic: t\n  pubsubname: m\n  metadata: {cloudEvents: auto, topicPattern: '{a}'}\n",
      "]\n%YAML 1.2\n? - : !!binary x\n"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const config::SourceFile file{"f.yaml", std::string(reinterpret_cast<const char*>(data), size)};
  const auto report = config::check_component_files({&file, 1});
  const auto lines =
      static_cast<std::size_t>(std::count(file.text.begin(), file.text.end(), '\n')) +
      static_cast<std::size_t>(std::count(file.text.begin(), file.text.end(), '\r')) + 1;
  for (const config::Finding& finding : report.findings) {
    require(finding.file == file.name && !finding.text.empty(), "a finding is of the file");
    require(finding.line <= lines + 1, "at a line that it has");
  }
  for (const config::FoundComponent& component : report.components) {
    if (!component.good) continue;
    require(!component.settings.connection.endpoints.empty(),
            "a Component without errors names a broker");
    require(component.given_elsewhere.empty(), "with all of its values here");
  }
  return 0;
}
