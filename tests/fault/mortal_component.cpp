// The component as src/app/main.cpp has it, with a MortalInbox: DIE_AT=<point>:<n>.
#include <cstdio>
#include <cstdlib>
#include <variant>

#include "app/command_line.h"
#include "app/serve.h"
#include "app/stop_signals.h"
#include "fault/mortal_inbox.h"

namespace app = dapr_mqtt::app;
using dapr_mqtt::testing::Death;
using dapr_mqtt::testing::MortalInbox;

int main(int argc, char** argv) {
  const app::Command command = app::parse_command_line(argc, argv, app::process_environment());
  const auto* serve = std::get_if<app::ServeCommand>(&command);
  const char* when = std::getenv("DIE_AT");
  if (serve == nullptr || when == nullptr) {
    std::fputs("usage: DIE_AT=<point>:<n> mortal-component serve ...\n", stderr);
    return app::kExitUsage;
  }
  app::StopSignals signals;
  dapr_mqtt::instance::FactoryOptions instances;
  instances.wrap_inbox = [death = std::make_shared<Death>(when)](auto inbox) {
    return std::make_unique<MortalInbox>(std::move(inbox), death);
  };
  return app::serve(*serve, signals, std::move(instances));
}
