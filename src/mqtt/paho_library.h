#pragma once

#include <MQTTAsync.h>

#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::mqtt {

/// What all Paho clients of the process share, because Paho keeps its state in
/// globals. Made at the first use, never destroyed.
class PahoLibrary {
 public:
  static PahoLibrary& instance();

  /// To be held during each call into Paho that adds a command to its queue or
  /// destroys a client: MQTTAsync_destroy of 1.3.12 walks the queue of commands
  /// without the lock that guards it against the others. Never taken inside a
  /// callback, and no lock of ours is ever held when it is taken.
  base::Mutex& calls() { return calls_; }

 private:
  PahoLibrary();

  base::Mutex calls_;
  /// A client that never connects. When the last client goes, Paho stops its
  /// threads and frees its globals; a client that starts just then crashes
  /// (paho.mqtt.c #1669 and others). So the last one never goes.
  MQTTAsync anchor_ = nullptr;
};

}  // namespace dapr_mqtt::mqtt
