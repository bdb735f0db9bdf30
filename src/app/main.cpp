#include <cstdio>
#include <variant>

#include "app/command_line.h"
#include "app/probe.h"
#include "app/serve.h"
#include "app/stop_signals.h"

namespace app = dapr_mqtt::app;

int main(int argc, char** argv) {
  const app::Command command = app::parse_command_line(argc, argv, app::process_environment());
  if (const auto* print = std::get_if<app::PrintCommand>(&command)) {
    std::fputs(print->text.c_str(), print->exit_code == 0 ? stdout : stderr);
    return print->exit_code;
  }
  if (const auto* probe = std::get_if<app::ProbeRoundTripCommand>(&command)) {
    return app::probe_round_trip(*probe);
  }
  app::StopSignals signals;  // before any thread
  return app::serve(std::get<app::ServeCommand>(command), signals);
}
