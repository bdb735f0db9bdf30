// What publisher and consumer have in common: a connection that keeps itself alive.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/repeat_filter.h"
#include "dapr_mqtt/base/worker.h"
#include "dapr_mqtt/core/broker.h"
#include "mqtt/attempt.h"
#include "mqtt/connection_state.h"
#include "mqtt/inbound_store.h"
#include "mqtt/memory_packets.h"
#include "mqtt/paho_client.h"
#include "mqtt/paho_shims.h"
#include "mqtt/resolver.h"

namespace dapr_mqtt::mqtt {

/// Does what connection_state decides, on a thread of its own: attempts, reports,
/// the log, back-off, and the end. Reconnects by itself with a new Paho client and
/// fresh options each time (paho.mqtt.c #1215, #1007: its own reconnecting stops).
///
/// Thread safety: all methods from any thread but the listener's calls, Paho's
/// callbacks and completions. The destructor closes and joins.
class Connection {
 public:
  struct Settings {
    core::ConnectionOptions options;
    std::string role;           ///< for log lines: "publisher" or "consumer"
    bool clean_session = true;  ///< instead of the options' own
    base::Duration backoff_initial{};
    base::Duration backoff_max{};
  };

  /// `sink` null: messages are ignored. `packets` null: in memory.
  Connection(Settings settings, core::ConnectionListener& listener, core::MessageSink* sink,
             core::PacketStore* packets, base::Log log, std::shared_ptr<Resolver> resolver);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void open();
  void suspend();
  void resume();
  void close(std::function<void()> closed);

  /// For operations; null when not connected. Whoever uses it calls
  /// operation_started() afterwards.
  std::shared_ptr<PahoClient> client() const;
  /// Has Paho hurry when an operation takes its time. Cheap.
  void operation_started();

 private:
  // All of these on worker_'s thread.
  void handle(const ConnectionEvent& event);
  void act(const action::StartAttempt&);
  void act(const action::AbandonAttempt&);
  void act(const action::Disconnect&);
  void act(const action::DropBroken& action);
  void act(const action::ArmRetry& action);
  void act(const action::CancelRetry&);
  void act(const action::TellConnected& action);
  void act(const action::TellDisconnected& action);
  void act(const action::TellClosed&);
  void attempt_ended(base::Result<Attempt::Made> result);
  void client_lost(const PahoClient* client, const base::Status& how);
  void drop_client(const base::Status& open_operations_get);
  void check_library();
  void watch_operations();

  const Settings settings_;
  core::ConnectionListener& listener_;
  core::MessageSink* const sink_;
  const base::Log log_;
  const std::shared_ptr<Resolver> resolver_;
  MemoryPackets memory_packets_;
  InboundStore inbound_;

  mutable base::Mutex mutex_;
  std::shared_ptr<PahoClient> client_ DM_GUARDED_BY(mutex_);  // set by the worker only
  std::atomic<bool> watching_{false};

  // Used on worker_'s thread only.
  ConnectionState state_;
  std::optional<TlsFiles> files_;
  std::unique_ptr<Attempt> attempt_;
  core::Endpoint endpoint_;  // of the connection
  std::chrono::seconds keep_alive_;  // ours, or what the broker said last
  base::Executor::TimerId retry_timer_ = 0;
  base::Executor::TimerId library_timer_ = 0;
  std::vector<std::function<void()>> closed_;
  base::RepeatFilter repeats_;
  std::optional<shims::Hurry> hurry_;
  std::uint64_t last_completed_ = 0;

  const std::shared_ptr<base::Worker> worker_;  // last: its tasks use all of the above
};

}  // namespace dapr_mqtt::mqtt
