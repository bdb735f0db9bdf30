#include <cstdio>
#include <variant>

#include "app/check.h"
#include "app/command_line.h"
#include "app/probe.h"
#include "app/serve.h"
#include "app/validate.h"

namespace app = dapr_mqtt::app;

namespace dapr_mqtt::app {
static int run(const PrintCommand& print) {
  std::fputs(print.text.c_str(), print.exit_code == 0 ? stdout : stderr);
  return print.exit_code;
}
}  // namespace dapr_mqtt::app

int main(int argc, char** argv) {
  const app::Command command = app::parse_command_line(argc, argv, app::process_environment());
  return std::visit([](const auto& each) { return run(each); }, command);
}
