// The base of publisher and consumer: a connection that reconnects by itself.
#pragma once

#include <atomic>
#include <ctime>
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
#include "dapr_mqtt/credentials/credential_keeper.h"
#include "dapr_mqtt/credentials/expiry_watch.h"
#include "dapr_mqtt/transport/resolver.h"
#include "mqtt/attempt.h"
#include "mqtt/connection_state.h"
#include "mqtt/memory_packets.h"
#include "mqtt/paho_client.h"

namespace dapr_mqtt::mqtt {

/// Carries out what connection_state decides, on its own thread: attempts (which block it), reports,
/// the log, back-off, keep alive, and the end. Reconnects with a new Paho client and fresh options
/// each time (paho.mqtt.c #1215, #1007: Paho's own reconnecting stops).
///
/// Thread safety: all methods from any thread, but not inside the listener's functions, Paho's
/// callbacks and completions. The destructor closes and joins.
class Connection {
 public:
  struct Settings {
    core::ConnectionOptions options;
    std::string role;           ///< for log lines: "publisher" or "consumer"
    bool clean_session = true;  ///< overrides the one in options
    base::Duration backoff_initial{};
    base::Duration backoff_max{};
  };

  /// `sink` null: messages are ignored. `packets` null: in memory.
  Connection(Settings settings, core::ConnectionListener& listener, core::MessageSink* sink,
             core::PacketStore* packets, base::Log log,
             std::shared_ptr<transport::Resolver> resolver);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void open();
  void reconnect(base::Status cause);
  void suspend();
  void resume();
  void close(std::function<void()> closed);

  /// For operations; null when not connected.
  std::shared_ptr<PahoClient> client() const;

 private:
  // All of these on worker_'s thread, except interrupt().
  void handle(const ConnectionEvent& event);
  void act(const action::StartAttempt&);
  void act(const action::AbandonAttempt&);
  void act(const action::Disconnect&);
  void act(const action::DropBroken& action);
  void act(const action::ArmRetry& action);
  void act(const action::CancelRetry&);
  void act(const action::ReportConnected& action);
  void act(const action::ReportDisconnected& action);
  void act(const action::ReportClosed&);
  void act(const action::LeaveToRenew& action);
  base::Result<AttemptMade> attempt(const credentials::Credentials& credentials,
                                    std::chrono::milliseconds timeout);
  /// With the credentials in the files; if they are refused, with those that the broker accepted
  /// before.
  base::Result<AttemptMade> attempt_with_credentials();
  void check_credentials();
  void renew(const credentials::Credentials& changed);
  void report_credentials();
  void client_lost(const std::weak_ptr<const PahoClient>& client, const base::Status& how,
                   core::ConnectionEnd end);
  void drop_client(const base::Status& open_operations_status);
  void check_keep_alive();
  /// From any thread: cancels a running attempt, then has the worker run `then`.
  void interrupt(std::function<void()> then);

  const Settings settings_;
  core::ConnectionListener& listener_;
  core::MessageSink* const sink_;
  const base::Log log_;
  const std::shared_ptr<transport::Resolver> resolver_;
  MemoryPackets memory_packets_;
  const std::shared_ptr<packets::AckLedger> ledger_;

  mutable base::Mutex mutex_;
  std::shared_ptr<PahoClient> client_ DM_GUARDED_BY(mutex_);  // set by the worker only
  transport::Cancel cancel_;                                  ///< of the running attempt
  std::atomic<int> interrupts_{0};  ///< interrupt()s that the worker has not handled yet

  // Used on worker_'s thread only.
  ConnectionState state_;
  core::Endpoint endpoint_;  // of the connection
  UnansweredConnects unanswered_;
  std::optional<std::chrono::milliseconds> first_timeout_;  // of the first attempt, until it begins
  bool whole_timeout_ = false;             // the last attempt failed, so nobody waits for this one
  std::optional<std::size_t> session_at_;  // the endpoint of the session last reported
  std::chrono::seconds keep_alive_;        // ours, or the broker's Server Keep Alive
  credentials::CredentialKeeper keeper_;
  credentials::ExpiryWatch expiry_watch_;
  std::optional<std::time_t> broker_certificate_end_;  // of the connection
  std::optional<core::CredentialsReport> reported_;    // the last report to the listener
  base::Executor::TimerId credential_timer_ = 0;
  base::Executor::TimerId retry_timer_ = 0;
  base::Executor::TimerId keep_alive_timer_ = 0;
  std::vector<std::function<void()>> closed_;
  base::RepeatFilter repeats_;
  base::RepeatFilter closes_{2};  ///< for connections closed on a request, which may be many
  bool quiet_ = false;            ///< the last end was left out of the log

  const std::shared_ptr<base::Worker> worker_;  // last: its tasks use all of the above
};

}  // namespace dapr_mqtt::mqtt
