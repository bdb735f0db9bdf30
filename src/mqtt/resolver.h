#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::mqtt {

/// Looks host names up without holding anybody up: getaddrinfo can take half a
/// minute when a name server is silent, and cannot be called off.
///
/// Thread-safe. The destructor waits for look-ups that still run.
class Resolver {
 public:
  /// Numeric addresses in the system's order of preference, at least one and at
  /// most kMaxAddresses; UNAVAILABLE "name not found" and the like.
  using Addresses = base::Result<std::vector<std::string>>;
  using Done = std::function<void(const Addresses&)>;
  using Ticket = std::uint64_t;  ///< never 0

  /// Which of a name's many addresses fails does not matter to a user; time does.
  static constexpr std::size_t kMaxAddresses = 4;

  Resolver() = default;
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Calls `done` once, on a thread of the resolver; it must be quick and not call
  /// the resolver. A name that is being looked up already is not looked up twice.
  Ticket resolve(const std::string& host, Done done);
  /// `done` will not be called, unless it is just being called.
  void cancel(Ticket ticket);

 private:
  struct LookUp {
    std::thread thread;
    std::map<Ticket, Done> waiting;
  };

  void run(const std::string& host);
  void reap() DM_REQUIRES(mutex_);

  base::Mutex mutex_;
  Ticket last_ticket_ DM_GUARDED_BY(mutex_) = 0;
  std::map<std::string, LookUp> running_ DM_GUARDED_BY(mutex_);
  std::list<std::thread> finished_ DM_GUARDED_BY(mutex_);
};

/// True for an IPv4 or IPv6 address in figures: nothing to look up.
bool is_numeric_address(const std::string& host);

}  // namespace dapr_mqtt::mqtt
