#include "dapr_mqtt/transport/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "transport/address_order.h"

namespace dapr_mqtt::transport {
namespace {

base::Status failure(const std::string& host, int error) {
  const std::string name = base::quote(host);
  switch (error) {
    case EAI_NONAME:
#ifdef EAI_NODATA
    case EAI_NODATA:
#endif
      return base::unavailable("host name " + name + " not found");
    case EAI_AGAIN:
      return base::unavailable("host name " + name +
                               " cannot be looked up now: the name server does not answer");
    case EAI_SYSTEM:
      return base::unavailable("looking up host name " + name + " failed: " + std::strerror(errno));
    default:
      return base::unavailable("looking up host name " + name +
                               " failed: " + ::gai_strerror(error));
  }
}

Resolver::Addresses look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0) {
    return failure(host, error);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    char text[NI_MAXHOST] = {};
    if (::getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) !=
        0)
      continue;
    if (std::find(addresses.begin(), addresses.end(), text) == addresses.end())
      addresses.emplace_back(text);
  }
  if (addresses.empty()) return failure(host, EAI_NONAME);
  // Sorted before the rest is dropped, so that many addresses of one family leave room for the
  // other.
  addresses = alternate_families(addresses);
  addresses.resize(std::min(addresses.size(), Resolver::kMaxAddresses));
  return addresses;
}

}  // namespace

Resolver::Resolver() : state_(std::make_shared<State>()) {}

Resolver::~Resolver() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  State& state = *state_;
  for (;;) {
    std::list<std::thread> finished;
    {
      base::MutexLock lock(state.mutex);
      for (auto& [host, look_up] : state.running) look_up.waiting.clear();
      while (state.finished.empty() && !state.running.empty()) {
        if (state.ended.wait_until(state.mutex, deadline)) continue;
        for (auto& [host, look_up] : state.running) look_up.thread.detach();
        return;
      }
      if (state.finished.empty()) return;
      finished.swap(state.finished);
    }
    for (std::thread& thread : finished) thread.join();
  }
}

Resolver::Ticket Resolver::resolve(const std::string& host, const Done& done) {
  State& state = *state_;
  base::Status problem;
  Ticket ticket = 0;
  {
    base::MutexLock lock(state.mutex);
    // These threads do not take the lock again and are about to end: join() does not wait long.
    for (std::thread& thread : state.finished) thread.join();
    state.finished.clear();
    ticket = ++state.last_ticket;
    const bool is_new = !state.running.contains(host);
    LookUp& look_up = state.running[host];
    look_up.waiting.emplace(ticket, done);
    if (is_new) problem = start(look_up, host);
    if (!problem.ok()) state.running.erase(host);
  }
  if (!problem.ok()) done(problem);
  return ticket;
}

base::Status Resolver::start(LookUp& look_up, const std::string& host) const {
  try {
    look_up.thread = std::thread([shared = state_, host] { run(*shared, host); });
  } catch (const std::system_error& error) {
    return base::unavailable("host name " + base::quote(host) +
                             " cannot be looked up now: cannot start a thread: " + error.what());
  }
  return {};
}

void Resolver::cancel(Ticket ticket) {
  Done dropped;  // destroyed outside the lock
  base::MutexLock lock(state_->mutex);
  for (auto& [host, look_up] : state_->running) {
    if (auto node = look_up.waiting.extract(ticket); !node.empty())
      dropped = std::move(node.mapped());
  }
}

void Resolver::run(State& state, const std::string& host) {
  ::pthread_setname_np(::pthread_self(), "mqtt-lookup");
  const Addresses addresses = look_up(host);
  std::map<Ticket, Done> waiting;
  {
    base::MutexLock lock(state.mutex);
    auto node = state.running.extract(host);
    waiting = std::move(node.mapped().waiting);
    if (node.mapped().thread.joinable()) state.finished.push_back(std::move(node.mapped().thread));
    state.ended.notify_all();
  }
  for (const auto& [ticket, done] : waiting) done(addresses);
}

bool is_numeric_address(const std::string& host) {
  in6_addr buffer{};
  return ::inet_pton(AF_INET, host.c_str(), &buffer) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &buffer) == 1;
}

}  // namespace dapr_mqtt::transport
