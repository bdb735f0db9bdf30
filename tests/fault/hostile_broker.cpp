#include "fault/hostile_broker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace dapr_mqtt::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kSilence{20};
constexpr std::chrono::seconds kStuck{10};

}  // namespace

struct HostileBroker::Peer {
  base::UniqueFd fd;
  std::string received{};
  std::string later{};  ///< the second part of what is to be sent
  bool last = false;    ///< nothing comes behind `later`
  bool done = false;    ///< our side is closed
  steady_clock::time_point since = steady_clock::now();
  Conversation conversation{};
};

HostileBroker::HostileBroker(mqtt::ProtocolVersion protocol, HostileScript& script)
    : protocol_(protocol),
      script_(script),
      server_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(server_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(server_.get(), 64) != 0 ||
      ::getsockname(server_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no port for a broker");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

HostileBroker::~HostileBroker() {
  stop_ = true;
  thread_.join();
}

void HostileBroker::run() {
  std::vector<pollfd> fds;
  while (!stop_) {
    fds.assign(1, {server_.get(), POLLIN, 0});
    int patience = 20;
    for (const auto& peer : peers_) {
      fds.push_back({peer->fd.get(), POLLIN, 0});
      if (!peer->later.empty()) patience = 1;
    }
    ::poll(fds.data(), fds.size(), patience);
    for (std::size_t i = 1; i < fds.size(); ++i) {
      std::unique_ptr<Peer>& peer = peers_[i - 1];
      const bool open = fds[i].revents == 0 || read(*peer);
      if (!open || !look_at_clock(*peer)) peer.reset();
    }
    std::erase(peers_, nullptr);
    if (fds[0].revents != 0) accept();
  }
}

void HostileBroker::accept() {
  base::UniqueFd fd(::accept4(server_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd.get() < 0) return;
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  peers_.push_back(std::make_unique<Peer>(Peer{.fd = std::move(fd)}));
}

/// False: the client has closed its side.
bool HostileBroker::read(Peer& peer) {
  char buffer[16384];
  const ssize_t size = ::recv(peer.fd.get(), buffer, sizeof buffer, 0);
  if (size < 0 && errno == EAGAIN) return true;
  if (size <= 0) {
    if (peer.done) streams_.fetch_add(1);
    return false;
  }
  if (peer.last) return true;
  peer.since = steady_clock::now();
  peer.received.append(buffer, static_cast<std::size_t>(size));
  while (!peer.last) {
    const auto packet = mqtt::take_client_packet(protocol_, peer.received);
    if (!packet) break;
    Conversation& conversation = peer.conversation;
    if (packet->type == 1) conversation.client_id = packet->client_id;
    if (packet->id != 0) {
      conversation.open.push_back(*packet);
      ++conversation.requests;
    }
    perform(peer, script_.on_packet(conversation, *packet));
  }
  return true;
}

void HostileBroker::perform(Peer& peer, HostileScript::Act act) {
  std::string bytes = std::exchange(peer.later, {}) + act.bytes;
  peer.last = act.last;
  if (act.first_part < bytes.size()) {
    peer.later = bytes.substr(act.first_part);
    bytes.resize(act.first_part);
  }
  // What does not fit into the socket's buffer is cut off.
  ::send(peer.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (!peer.last || !peer.later.empty()) return;
  ::shutdown(peer.fd.get(), SHUT_WR);
  peer.done = true;
  peer.since = steady_clock::now();
}

/// False: the client does not go.
bool HostileBroker::look_at_clock(Peer& peer) {
  if (!peer.later.empty()) perform(peer, {.last = peer.last});
  const auto silent = steady_clock::now() - peer.since;
  if (peer.done) {
    if (silent < kStuck) return true;
    stuck_.fetch_add(1);
    return false;
  }
  if (!peer.last && silent >= kSilence && !peer.conversation.client_id.empty()) {
    peer.since = steady_clock::now();
    perform(peer, script_.on_silence(peer.conversation));
  }
  return true;
}

}  // namespace dapr_mqtt::testing
