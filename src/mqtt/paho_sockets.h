// Fewer system calls for Paho's sockets: it reads ahead, and what Paho writes goes
// out together. For plain sockets (MQTT and WebSocket); TLS has records of its own,
// and OpenSSL's calls do not come here.
//
// Paho (1.3.12 and 1.3.14) asks poll() twice for each packet, reads its header byte
// by byte, and writes each PUBLISH and PUBACK by itself: some seven system calls a
// message. Here one recv() takes in what is there, and later calls are served from
// it, poll() included. What is written is put aside until the thread that wrote has
// nothing else to do: before it waits (flush()), or when a few KiB are together.
//
// Nothing waits for it: both threads come to their wait, or to the next few KiB,
// within microseconds. A socket that takes no more makes Paho wait as ever.
#pragma once

#include <poll.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dapr_mqtt::mqtt::shims {

/// Something that must be done before the acknowledgements of what has been
/// received go out.
class BeforeAcknowledging {
 public:
  virtual ~BeforeAcknowledging() = default;
  /// With none of Paho's locks held, as a rule on its receive thread. Must not call Paho.
  virtual void secure() noexcept = 0;
};

/// Called on the receive thread, in a callback: what Paho writes there from now on
/// waits for `task`, and once it was done it is forgotten.
void do_before_acknowledging(BeforeAcknowledging& task);
/// Does what is to be done before acknowledging, now.
void do_what_comes_before_acknowledging();
/// It will not be called any more once this returns. Any thread.
void forget(BeforeAcknowledging& task);

/// One of Paho's sockets, by its number. Numbers that are not known here are passed
/// straight on, and so is what is called on other threads than Paho's.
namespace sockets {

/// It is about to be connected.
void opened(int fd);
/// It is about to be shut down: what was put aside is sent first.
void closing(int fd);

/// As recv(2) without flags. On the receive thread.
ssize_t read(int fd, void* buffer, std::size_t size);
/// As writev(2). On other threads than Paho's it does not put aside, but sends what was
/// put aside before.
ssize_t write(int fd, const iovec* parts, int count);

/// Sends what this thread has put aside, before it waits. On the receive thread with
/// none of Paho's locks held. Adds the sockets to `sent`, if there is one.
void flush(std::vector<int>* sent = nullptr);

// The receive thread's calls of poll(): one that asks which sockets can be written to
// (POLLOUT, no waiting), then one that waits for what can be read.

/// The answer to either, as long as there is input read ahead: how many of `fds` are
/// ready, with their revents set. 0: ask poll().
int ready(pollfd* fds, nfds_t size);
/// poll()'s answer to the first, without the sockets for which something is aside
/// that they do not take.
int writable(pollfd* fds, nfds_t size, int found);
/// Changes what the second asks for. False when it must not wait.
bool before_wait(pollfd* fds, nfds_t size);
/// Its answer.
int after_wait(pollfd* fds, nfds_t size);

/// What happened so far, for tests.
struct Counters {
  std::uint64_t reads_from_ahead;  ///< calls of recv() that asked no kernel
  std::uint64_t writes_put_aside;
};
Counters counters();

}  // namespace sockets
}  // namespace dapr_mqtt::mqtt::shims
