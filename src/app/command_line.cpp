#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <deque>

#include "app/command_values.h"
#include "app/definitions.h"
#include "app/help.h"
#include "app/settings.h"
#include "app/version.h"

namespace dapr_mqtt::app {
namespace {

/// A definition, CLI11's object for it, and the values that were parsed.
struct Parser {
  const CommandInfo* info = nullptr;
  CLI::App* app = nullptr;
  std::map<std::string_view, std::vector<std::string>> values;
  std::vector<std::string> operands;
};

void add_option(CLI::App& app, const OptionInfo& option, std::vector<std::string>& values) {
  const std::string name(option.name);
  if (option.value.empty()) {
    app.add_flag_callback(name, [&values] { values = {"true"}; });
    return;
  }
  CLI::Option* added =
      app.add_option(name, values)->expected(1)->type_name(std::string(option.value));
  added->allow_extra_args(false);  // else it takes an operand after it as a second value
  if (option.required) added->required();
  if (option.repeated) added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_options(CLI::App& app, Parser& parser) {
  for (const OptionGroup& group : parser.info->groups) {
    for (const OptionInfo& option : group.options) {
      add_option(app, option, parser.values[option.name]);
    }
  }
  if (parser.info->operand.empty()) return;
  CLI::Option* operand = app.add_option(std::string(parser.info->operand), parser.operands);
  operand->required(!parser.info->operand_optional);
  operand->expected(1, parser.info->operand_repeated ? 1 << 20 : 1);
}

/// CLI11's objects, made from the definitions. The options of `serve` belong to the program itself.
class Tree {
 public:
  Tree() : root_("", std::string(kProgram)) {
    root_.set_help_flag("-h,--help");
    root_.set_version_flag("--version", std::string(kProgram) + " " + version_with_commit());
    root_.require_subcommand(0, 1);
    for (const CommandInfo& info : commands()) add(info);
  }

  void parse(int argc, const char* const* argv) { root_.parse(argc, argv); }

  /// The command that was named, or `serve`.
  Parser& chosen() {
    Parser* chosen = &parsers_.front();
    for (Parser& parser : parsers_) {
      if (parser.app->parsed()) chosen = &parser;  // "probe publish" comes after "probe"
    }
    return *chosen;
  }
  bool serve_named() { return parsers_.front().app->parsed(); }
  /// Options before the command's name are options of serve: they say where its socket is.
  Parser& serve() { return parsers_.front(); }

 private:
  void add(const CommandInfo& info) {
    Parser& parser = parsers_.emplace_back();
    parser.info = &info;
    const std::size_t space = info.name.find(' ');
    CLI::App* parent = &root_;
    if (space != std::string_view::npos) {
      parent = root_.get_subcommand(std::string(info.name.substr(0, space)));
      parent->require_subcommand(0, 1);
      // Else CLI11 takes the sub-command's name as the parent's operand.
      for (CLI::Option* option : parent->get_options()) {
        if (option->get_positional()) option->required(false);
      }
    }
    const std::string_view word =
        space == std::string_view::npos ? info.name : info.name.substr(space + 1);
    parser.app = parent->add_subcommand(std::string(word));
    if (info.name == kServe) {
      parser.app->fallthrough();
      add_options(root_, parser);
    } else {
      add_options(*parser.app, parser);
    }
  }

  CLI::App root_;
  std::deque<Parser> parsers_;
};

PrintCommand usage_error(const std::string& what) {
  return {std::string(kProgram) + ": " + what + "; see --help\n", kExitUsage};
}

Command parse(int argc, const char* const* argv, const Environment& environment,
              const ReadFile& read_file) {
  Tree tree;
  try {
    tree.parse(argc, argv);
  } catch (const CLI::CallForVersion& version) {
    return PrintCommand{std::string(version.what()) + "\n"};
  } catch (const CLI::Success&) {  // --help
    const CommandInfo& info = *tree.chosen().info;
    return PrintCommand{info.name == kServe && !tree.serve_named() ? program_help()
                                                                   : command_help(info)};
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what());
  }

  Parser& chosen = tree.chosen();
  Settings settings(*chosen.info, environment);
  for (Parser* parser : {&tree.serve(), &chosen}) {
    for (auto& [option, values] : parser->values) {
      if (!values.empty()) settings.give(option, values);
    }
  }
  if (chosen.info->name == kServe) {
    if (base::Status status = settings.read_config(read_file); !status.ok()) {
      return usage_error(status.message());
    }
  }
  auto command = make_command(*chosen.info, settings, chosen.operands, environment);
  if (!command.ok()) return usage_error(command.status().message());
  return std::move(command).value();
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

Command parse_command_line(int argc, const char* const* argv, const Environment& environment,
                           const ReadFile& read_file) {
  try {
    return parse(argc, argv, environment, read_file);
  } catch (const std::exception& error) {
    return PrintCommand{std::string(kProgram) + ": " + error.what() + "\n", kExitFailure};
  }
}

}  // namespace dapr_mqtt::app
