#include "mqtt/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::mqtt {
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
  for (const addrinfo* a = found; a != nullptr && addresses.size() < Resolver::kMaxAddresses;
       a = a->ai_next) {
    char text[NI_MAXHOST] = {};
    if (::getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) !=
        0)
      continue;
    if (std::find(addresses.begin(), addresses.end(), text) == addresses.end())
      addresses.emplace_back(text);
  }
  if (addresses.empty()) return failure(host, EAI_NONAME);
  return addresses;
}

}  // namespace

Resolver::~Resolver() {
  std::map<std::string, LookUp> running;
  std::list<std::thread> finished;
  for (;;) {
    {
      base::MutexLock lock(mutex_);
      for (auto& [host, look_up] : running_) {
        look_up.waiting.clear();
        if (look_up.thread.joinable()) finished.push_back(std::move(look_up.thread));
      }
      finished.splice(finished.end(), finished_);
    }
    if (finished.empty()) return;
    for (std::thread& thread : finished) thread.join();
    finished.clear();
  }
}

Resolver::Ticket Resolver::resolve(const std::string& host, Done done) {
  base::MutexLock lock(mutex_);
  reap();
  const Ticket ticket = ++last_ticket_;
  const bool is_new = !running_.contains(host);
  LookUp& look_up = running_[host];
  look_up.waiting.emplace(ticket, std::move(done));
  if (is_new) look_up.thread = std::thread([this, host] { run(host); });
  return ticket;
}

void Resolver::cancel(Ticket ticket) {
  Done dropped;  // destroyed outside the lock
  base::MutexLock lock(mutex_);
  for (auto& [host, look_up] : running_) {
    if (auto node = look_up.waiting.extract(ticket); !node.empty())
      dropped = std::move(node.mapped());
  }
}

void Resolver::run(const std::string& host) {
  ::pthread_setname_np(::pthread_self(), "mqtt-lookup");
  const Addresses addresses = look_up(host);
  std::map<Ticket, Done> waiting;
  {
    base::MutexLock lock(mutex_);
    auto node = running_.extract(host);
    waiting = std::move(node.mapped().waiting);
    if (node.mapped().thread.joinable()) finished_.push_back(std::move(node.mapped().thread));
  }
  for (const auto& [ticket, done] : waiting) done(addresses);
}

void Resolver::reap() {
  // They have left the lock for the last time; what is left of them is short.
  for (std::thread& thread : finished_) thread.join();
  finished_.clear();
}

bool is_numeric_address(const std::string& host) {
  in6_addr buffer{};
  return ::inet_pton(AF_INET, host.c_str(), &buffer) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &buffer) == 1;
}

}  // namespace dapr_mqtt::mqtt
