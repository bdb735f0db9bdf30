#include "app/terminal.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace dapr_mqtt::app {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

}  // namespace

bool is_terminal(int fd) { return ::isatty(fd) == 1 && environment("TERM") != "dumb"; }

bool wants_colours() { return environment("NO_COLOR").empty(); }

}  // namespace dapr_mqtt::app
