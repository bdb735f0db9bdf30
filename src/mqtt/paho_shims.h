// What stands between Paho and the C library, process-wide. Why each of these is
// needed, and how it works, is told in paho_shims.cpp.
#pragma once

#include <cstdint>
#include <string>

#include "dapr_mqtt/base/spare_thread.h"

namespace dapr_mqtt::mqtt::shims {

/// Makes the linker take paho_shims.cpp into every program that can make a
/// client (called by the factory), and tells whether the program's own versions
/// are the ones in force. False would mean slow connects and stalls, no harm to
/// data. Thread-safe.
bool in_force();

/// While one of these lives, Paho's loops look again every few milliseconds
/// instead of once a second: for a connection attempt, and for a publish that
/// takes its time. Making the first one wakes both loops. Costs nothing at rest.
/// Thread-safe; makes no call into Paho.
class Hurry {
 public:
  Hurry();
  ~Hurry();
  Hurry(const Hurry&) = delete;
  Hurry& operator=(const Hurry&) = delete;
};

/// While it lives, Paho's own look-up of `host` yields `address` (numeric)
/// without asking any name server. With several for one host the latest counts.
/// Thread-safe.
class PinnedAddress {
 public:
  PinnedAddress(std::string host, std::string address);
  ~PinnedAddress();
  PinnedAddress(const PinnedAddress&) = delete;
  PinnedAddress& operator=(const PinnedAddress&) = delete;

 private:
  std::uint64_t id_;
};

/// Paho's send thread, while it waits for commands: what publishes has to wake it in
/// any case. Work may call Paho. Lives as long as the process.
base::SpareThread& send_thread();

/// What happened so far, for tests.
struct Counters {
  std::uint64_t sleeps_skipped;      ///< usleep(100 ms) of the receive thread
  std::uint64_t signals_remembered;  ///< wake-ups that would have been lost
  std::uint64_t sockets_undelayed;   ///< connections made with TCP_NODELAY
  std::uint64_t lookups_pinned;
  std::uint64_t works_lent;          ///< to the send thread
  std::uint64_t acks_hastened;       ///< TCP's acknowledgements
};
Counters counters();

}  // namespace dapr_mqtt::mqtt::shims
