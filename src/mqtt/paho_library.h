#pragma once

#include <MQTTAsync.h>

#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::mqtt {

/// Shared by all Paho clients of the process, because Paho keeps its state in globals. Made at the
/// first use, never destroyed.
class PahoLibrary {
 public:
  static PahoLibrary& instance();

  /// Removes the environment variables of a proxy, to which 1.3.12 would connect instead of the
  /// given address. To be called before there are other threads.
  static void ignore_environment();

  /// To be held during each call into Paho that adds a command to its queue or destroys a client:
  /// MQTTAsync_destroy of 1.3.12 walks the queue of commands without the lock that guards the queue.
  /// Never taken inside a callback, nor while another lock of ours is held. Paho's functions may
  /// wait for Paho's locks, but not for the network: what they write goes to a Channel.
  base::Mutex& calls() { return calls_; }

 private:
  PahoLibrary();

  base::Mutex calls_;
  /// A client that never connects and is never destroyed. When the last client is destroyed, Paho
  /// stops its threads and frees its globals, and a client that starts at that moment crashes
  /// (paho.mqtt.c #1669 and others).
  MQTTAsync anchor_ = nullptr;
};

}  // namespace dapr_mqtt::mqtt
