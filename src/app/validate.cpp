#include "app/validate.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/input.h"
#include "dapr_mqtt/config/component_file.h"

namespace dapr_mqtt::app {
namespace {

using Json = nlohmann::ordered_json;

const char* name_of(config::Severity severity) {
  return severity == config::Severity::kError ? "error" : "warning";
}

std::string plural(std::size_t count, const std::string& word) {
  return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

void print_line(const config::Finding& finding) {
  std::string place = finding.file;
  if (finding.line > 0) {
    place += ":" + std::to_string(finding.line) + ":" + std::to_string(finding.column);
  }
  std::printf("%s: %s: %s\n", place.c_str(), name_of(finding.severity), finding.text.c_str());
}

void print_json(const config::FilesReport& report, std::size_t errors, std::size_t warnings) {
  Json findings = Json::array();
  for (const config::Finding& finding : report.findings) {
    findings.push_back({{"file", finding.file},
                        {"line", finding.line},
                        {"column", finding.column},
                        {"severity", name_of(finding.severity)},
                        {"component", finding.component},
                        {"key", finding.key},
                        {"message", finding.text}});
  }
  const Json all = {{"components", report.components.size()},
                    {"errors", errors},
                    {"warnings", warnings},
                    {"findings", findings}};
  // Bytes that are not UTF-8 are replaced: the finding about them must be printed.
  std::printf("%s\n", all.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

}  // namespace

int run(const ValidateCommand& command) {
  std::vector<config::SourceFile> files;
  bool all_read = true;
  for (const std::string& path : command.files) {
    auto text = read_input(path);
    if (text.ok()) {
      files.push_back({path == "-" ? "<stdin>" : path, std::move(text).value()});
    } else {
      std::fprintf(stderr, "dapr-pubsub-mqtt: %s\n", text.status().message().c_str());
      all_read = false;
    }
  }
  config::FilesReport report = config::check_component_files(files, command.socket_name);
  if (report.components.empty() && report.findings.empty() && all_read) {
    report.findings.push_back({config::Severity::kError, files.front().name, 0, 0, "", "",
                               "no Component of type pubsub." + command.socket_name + " in " +
                                   plural(files.size(), "file")});
  }
  std::size_t errors = 0;
  for (const config::Finding& finding : report.findings) {
    errors += finding.severity == config::Severity::kError ? 1U : 0U;
  }
  const std::size_t warnings = report.findings.size() - errors;
  if (command.json) {
    print_json(report, errors, warnings);
  } else {
    for (const config::Finding& finding : report.findings) print_line(finding);
    std::fflush(stdout);
    std::fprintf(stderr, "%s checked: %s, %s\n",
                 plural(report.components.size(), "Component").c_str(),
                 plural(errors, "error").c_str(), plural(warnings, "warning").c_str());
  }
  if (!all_read) return kExitUsage;
  return errors > 0 || (command.strict && warnings > 0) ? kExitFailure : 0;
}

}  // namespace dapr_mqtt::app
