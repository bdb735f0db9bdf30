#include "app/settings.h"

#include <utility>

#include "dapr_mqtt/config/settings_file.h"

namespace dapr_mqtt::app {

void Settings::give(std::string_view option, std::vector<std::string> values) {
  given_[std::string(option)] = std::move(values);
}

base::Status Settings::read_config(const ReadFile& read_file) {
  const auto path = find("--config");
  if (!path) return {};
  const auto text = read_file(path->value);
  if (!text.ok()) return text.status().with_context(path->source);

  std::vector<std::string_view> known;
  for (const OptionGroup& group : command_.groups) {
    for (const OptionInfo& option : group.options) {
      if (option.name != "--config") known.push_back(option.setting());
    }
  }
  auto settings = config::read_settings_file(text.value(), known);
  if (!settings.ok()) {
    return base::invalid_argument(path->value + ":" + settings.status().message());
  }
  for (config::FileSetting& setting : settings.value()) {
    const std::string source =
        path->value + ":" + std::to_string(setting.line) + ": " + setting.key;
    const OptionInfo* const option = find_option(command_, "--" + setting.key);
    if (!option->repeated && setting.values.size() != 1) {
      return base::invalid_argument(source + ": takes one value, not a list");
    }
    for (std::string& value : setting.values) {
      file_["--" + setting.key].push_back({std::move(value), source});
    }
  }
  return {};
}

std::vector<Setting> Settings::find_all(std::string_view option) const {
  std::vector<Setting> out;
  if (const auto it = given_.find(option); it != given_.end()) {
    for (const std::string& value : it->second) out.push_back({value, std::string(option)});
    return out;
  }
  if (const OptionInfo* const info = find_option(command_, option)) {
    for (const std::string_view variable : info->environment) {
      if (auto value = environment_(std::string(variable))) {
        return {{std::move(*value), std::string(variable)}};
      }
    }
  }
  if (const auto it = file_.find(option); it != file_.end()) out = it->second;
  return out;
}

std::optional<Setting> Settings::find(std::string_view option) const {
  std::vector<Setting> all = find_all(option);
  if (all.empty()) return std::nullopt;
  return std::move(all.back());
}

std::string Settings::text(std::string_view option, std::string_view otherwise) const {
  const auto setting = find(option);
  return setting ? setting->value : std::string(otherwise);
}

}  // namespace dapr_mqtt::app
