// What the output can show.
#pragma once

namespace dapr_mqtt::app {

/// Whether a line on `fd` can be overwritten: it is a terminal, and not TERM=dumb.
bool is_terminal(int fd);
/// False with NO_COLOR in the environment, if it is not empty (no-color.org).
bool wants_colours();

}  // namespace dapr_mqtt::app
