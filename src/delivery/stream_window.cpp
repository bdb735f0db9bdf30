#include "delivery/stream_window.h"

#include <cassert>

namespace dapr_mqtt::delivery {

void StreamWindow::add(std::size_t bytes) {
  held_.messages += 1;
  held_.bytes += bytes;
}

void StreamWindow::remove(std::size_t bytes) {
  assert(held_.messages > 0 && held_.bytes >= bytes);
  held_.messages -= 1;
  held_.bytes -= bytes;
}

}  // namespace dapr_mqtt::delivery
