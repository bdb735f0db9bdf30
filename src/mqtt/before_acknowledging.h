// What must be done before the acknowledgements of what has been received go out: Paho
// writes them as soon as a callback returns, and paho_sockets keeps them back until then.
// Where it could not be done, they do not go out at all.
#pragma once

#include <cstddef>

namespace dapr_mqtt::mqtt::shims {

/// Sockets with higher numbers are not looked after: the process has other limits first.
inline constexpr std::size_t kSockets = 8192;

class BeforeAcknowledging {
 public:
  virtual ~BeforeAcknowledging() = default;
  /// False: the socket from which it came is acknowledged nothing any more (refused()).
  /// As a rule on Paho's receive thread with none of its locks held, else on a thread that
  /// writes to a connection or closes it. Never two at a time, of whatever task. Must not
  /// call Paho.
  virtual bool secure() noexcept = 0;
};

/// On the receive thread: what it handles from now on has come from this socket.
void handling(int socket);

/// On the receive thread, in a callback that has taken something in: what Paho writes
/// there from now on waits for `task`, which is forgotten when it was done. Without
/// memory for that it is done at once.
void do_before_acknowledging(BeforeAcknowledging& task) noexcept;
/// Whether something waits to be done.
bool acknowledgements_wait();
/// Does what is to be done before acknowledging, now; returns when all is done that
/// waited when it was called, by whatever thread.
void do_what_comes_before_acknowledging();
/// It will not be called any more once this returns. Any thread.
void forget(BeforeAcknowledging& task);

/// What came from this socket could not be made safe: nothing that Paho's threads write
/// there may go out. Any thread.
bool refused(int socket);
/// The number is another connection's now.
void connecting(int socket);

}  // namespace dapr_mqtt::mqtt::shims
