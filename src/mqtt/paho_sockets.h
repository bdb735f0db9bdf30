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
//
// A socket that is refused (before_acknowledging) seems to take all that Paho's threads
// write, and what was put aside is dropped. Another thread's last word, DISCONNECT, goes
// out, so that the broker does not take the end for a failure and publish a last will.
#pragma once

#include <poll.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dapr_mqtt::mqtt::shims {

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

/// Calls of recv() so far that were served without a system call: for tests.
std::uint64_t reads_from_ahead();

}  // namespace sockets
}  // namespace dapr_mqtt::mqtt::shims
