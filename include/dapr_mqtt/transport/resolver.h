#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::transport {

/// Looks host names up without blocking the caller: getaddrinfo can take half a minute when a name
/// server does not answer, and cannot be cancelled.
///
/// Thread-safe. The destructor waits half a second for look-ups that still run, then detaches
/// their threads: nobody needs their answers, and the process must be able to end.
class Resolver {
 public:
  /// Numeric addresses, at least one and at most kMaxAddresses, IPv6 and IPv4 in turn
  /// (RFC 8305 section 4), each in the system's order of preference. An error is UNAVAILABLE, such
  /// as "host name … not found".
  using Addresses = base::Result<std::vector<std::string>>;
  using Done = std::function<void(const Addresses&)>;
  using Ticket = std::uint64_t;  ///< never 0

  /// Trying more addresses of one name would take too long.
  static constexpr std::size_t kMaxAddresses = 4;

  /// How long the destructor waits.
  static constexpr std::chrono::milliseconds kPatience{500};

  Resolver();
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Calls `done` once, on a thread of the resolver; or with UNAVAILABLE before resolve() returns,
  /// if no thread can be started. `done` must be quick and must not call the resolver. A name that
  /// is being looked up already is not looked up twice.
  Ticket resolve(const std::string& host, const Done& done);
  /// `done` will not be called, unless the call is under way already.
  void cancel(Ticket ticket);

 private:
  struct LookUp {
    std::thread thread;
    std::map<Ticket, Done> waiting;
  };
  /// Shared with the threads, which may outlive the resolver.
  struct State {
    base::Mutex mutex;
    base::CondVar ended;
    Ticket last_ticket DM_GUARDED_BY(mutex) = 0;
    std::map<std::string, LookUp> running DM_GUARDED_BY(mutex);
    std::list<std::thread> finished DM_GUARDED_BY(mutex);
  };

  base::Status start(LookUp& look_up, const std::string& host) const;
  static void run(State& state, const std::string& host);

  const std::shared_ptr<State> state_;
};

/// True for an IPv4 or IPv6 address, which needs no look-up.
bool is_numeric_address(const std::string& host);

}  // namespace dapr_mqtt::transport
