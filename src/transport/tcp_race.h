#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/unique_fd.h"
#include "dapr_mqtt/transport/cancel.h"

namespace dapr_mqtt::transport {

/// RFC 8305 section 5, "Connection Attempt Delay".
constexpr std::chrono::milliseconds kAttemptDelay{250};

struct RaceResult {
  struct Failure {
    std::string address;
    int error = 0;  ///< errno of connect(); ETIMEDOUT when the deadline came first
  };
  base::UniqueFd socket;          ///< connected and non-blocking; not valid(): no address worked
  std::string winner;             ///< its address
  std::vector<Failure> failures;  ///< in the order in which they were found
  bool cancelled = false;
};

/// Connects to numeric `addresses` in parallel: each attempt starts `delay` after the one before it,
/// or at once when that one has failed. The first that is connected wins, the others are closed.
/// Removes from `addresses` the winner and those that failed; those that were only slower stay.
/// Blocks until `deadline` at the most.
RaceResult race_to_connect(std::vector<std::string>& addresses, std::uint16_t port,
                           base::TimePoint deadline, const Cancel& cancel,
                           std::chrono::milliseconds delay = kAttemptDelay);

/// All failures in one text: "::1 port 1883: no route to the host; 127.0.0.1 port 1883: …".
base::Status with_addresses(const std::vector<RaceResult::Failure>& failures, std::uint16_t port);
/// Likewise, but without the addresses if all failed for the same reason.
base::Status in_short(const std::vector<RaceResult::Failure>& failures, std::uint16_t port);

}  // namespace dapr_mqtt::transport
