// Marks that identify an Init in daprd's /v1.0/metadata.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace dapr_mqtt::dapr {

/// The prefix of every mark.
inline constexpr const char* kMarkBeginning = "DAPR_PUBSUB_MQTT_CPP_";

/// Each successful Init gets a mark, which Features returns as one more capability. daprd shows it
/// in /v1.0/metadata as long as it regards that Init as valid. So a component that was restarted
/// can see that a daprd has not noticed it: the daprd shows a mark of this socket, but of no
/// instance here.
///
/// A mark is `<capability>_<socket>_<process>_<number>`. <socket> is a hash of the folder's device
/// and inode and of the socket's name: it is the same after a restart, and another one for each
/// socket of the machine. <process> is random digits. Thread-safe.
class InitMarks {
 public:
  /// The folder of `socket_path` exists.
  explicit InitMarks(const std::string& socket_path);

  /// The prefix of all marks of this socket, whichever process made them.
  const std::string& prefix() const { return prefix_; }
  /// Returns a new mark.
  std::string next();
  /// Whether next() was ever called.
  bool any() const { return last_ > 0; }

 private:
  const std::string prefix_;
  const std::string process_;
  std::atomic<std::uint64_t> last_{0};
};

}  // namespace dapr_mqtt::dapr
