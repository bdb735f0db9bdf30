#include "app/component_choice.h"

#include <array>

#include "app/input.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::app {
namespace {

std::string problems_of(const config::FilesReport& report, const std::string& component) {
  std::string out;
  for (const config::Finding& finding : report.findings) {
    if (finding.severity != config::Severity::kError) continue;
    if (!component.empty() && finding.component != component) continue;
    if (!out.empty()) out += "\n";
    out += finding.file;
    if (finding.line > 0) {
      out += ":" + std::to_string(finding.line) + ":" + std::to_string(finding.column);
    }
    out += ": error: " + finding.text;
  }
  return out;
}

}  // namespace

base::Result<config::FoundComponent> choose_component(const std::string& path,
                                                      const std::string& name) {
  auto text = read_input(path);
  if (!text.ok()) return text.status();
  const std::array files = {config::SourceFile{path, std::move(text).value()}};
  const config::FilesReport report = config::check_component_files(files);
  std::vector<const config::FoundComponent*> meant;
  std::string names;
  for (const config::FoundComponent& component : report.components) {
    names += (names.empty() ? "" : ", ") + component.name;
    if (name.empty() || component.name == name) meant.push_back(&component);
  }
  if (report.components.empty()) {
    const std::string problems = problems_of(report, "");
    return base::invalid_argument(problems.empty() ? path + ": no Component of type pubsub.mqtt"
                                                   : problems);
  }
  if (meant.size() != 1) {
    const std::string none =
        meant.empty() ? "there is no Component " + base::quote(name, 80) + "; " : "";
    return base::invalid_argument(path + ": " + none + "choose one with --component: " + names);
  }
  if (meant.front()->good) return *meant.front();
  const std::string problems = problems_of(report, meant.front()->name);
  if (!problems.empty()) return base::invalid_argument(problems);
  std::string elsewhere;
  for (const std::string& key : meant.front()->given_elsewhere) {
    elsewhere += (elsewhere.empty() ? "" : ", ") + key;
  }
  return base::invalid_argument(path + ": " + elsewhere +
                                ": the value is in a secret store or in daprd's environment, "
                                "which are not read here; use a copy of the file with the values "
                                "in it");
}

}  // namespace dapr_mqtt::app
