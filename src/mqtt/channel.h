// The layer below Paho on one connection: the stream to the broker, the packet filter, and the
// acknowledgements.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/packets/ack_ledger.h"
#include "dapr_mqtt/packets/packet_filter.h"
#include "dapr_mqtt/transport/byte_stream.h"
#include "mqtt/waker.h"

namespace dapr_mqtt::mqtt {

/// Sits between Paho and a broker. Paho writes its packets here (write) and reads the packets that
/// are meant for it (read_for_client). Messages that the broker publishes go to the sink instead,
/// and are acknowledged here when their receipts are given: many messages with one commit and one
/// write. While the receiving thread sleeps, the thread that gives the receipt sends the
/// acknowledgement, at the end of its base::Batch.
///
/// After its end (the broker closed the stream, a malformed packet, end()) the channel sends nothing
/// more; what Paho then writes is dropped, and Paho's reads return the end of the stream.
///
/// Thread safety: receive(), before_long_wait() and the functions for poll() may be called from one
/// thread only, the receiving thread, which is also the only one that calls the sink. All others
/// from any thread. Ownership: the sink outlives the receiving thread's last call.
class Channel final : private packets::BrokerEvents, public std::enable_shared_from_this<Channel> {
 public:
  struct Settings {
    core::ProtocolVersion protocol = core::ProtocolVersion::kMqtt311;
    std::size_t max_payload = 0;
    std::string client_id;  ///< for error texts
  };
  /// Who ended the channel.
  enum class Ending {
    kStreamClosed,  ///< the other side closed the stream normally, without a reason
    kByPeer,  ///< the other side reset the stream, or rejected a request by DISCONNECT (MQTT 5)
    kOther,   ///< this program, or the network
  };
  /// Called on any thread, maybe with locks of Paho's held: they may only post work elsewhere.
  struct Events {
    /// Called before Paho gets the CONNACK.
    std::function<void(const packets::Connack& connack)> connack;
    /// Called at most once.
    std::function<void(const base::Status& cause, Ending ending)> ended;
    /// Called before `ended`, while Paho has not seen the end and so has not failed its open
    /// requests. Not after disconnect().
    std::function<void()> ending{};
  };

  /// `sink` null: messages are ignored. `receiver` wakes the receiving thread, `client` the one
  /// that calls read_for_client.
  static std::shared_ptr<Channel> make(std::unique_ptr<transport::ByteStream> stream,
                                       Settings settings, Events events, core::MessageSink* sink,
                                       std::shared_ptr<packets::AckLedger> ledger,
                                       std::shared_ptr<Waker> receiver,
                                       std::shared_ptr<Waker> client);
  ~Channel() override;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // ---- For the receiving thread ----

  /// For poll(), while wants_read() or wants_write(); -1 after the stream was closed.
  int fd() const;
  bool wants_read() const;
  bool wants_write() const;
  /// poll() has reported that more can be written. To be called before receive().
  void writable();
  /// Reads what has arrived, `buffer_size` bytes at a time, for a limited time; gives messages to
  /// the sink, commits them, acknowledges, sends.
  void receive(char* buffer, std::size_t buffer_size);
  /// Whether receive() must be called although poll() reports nothing: the stream has buffered
  /// input, an acknowledgement is due, or a write has failed.
  bool wants_receive() const;
  /// To be called before a wait that may be long: makes TCP acknowledge at once what was read and
  /// not answered. A broker that leaves Nagle's algorithm on (mosquitto) holds back all PUBACKs
  /// except the first until it gets that ACK, which the kernel delays by 40 ms.
  void before_long_wait();
  /// Whether before_long_wait() has something to do.
  bool tcp_ack_pending() const { return tcp_ack_pending_.load(); }

  // ---- For Paho ----

  /// As writev(2) on a non-blocking socket. Small writes are kept until flush(), or until several
  /// KiB are there.
  ssize_t write(const iovec* parts, int count);
  /// As recv(2) on a non-blocking socket.
  ssize_t read_for_client(void* buffer, std::size_t size);
  /// Whether read_for_client() would return bytes or the end of the stream.
  bool has_for_client() const;
  /// The last write() accepted less than all, and no more can be written yet.
  bool blocked() const { return blocked_.load() && !ended_.load(); }
  /// True once after each time that blocked() became false.
  bool take_unblocked() { return unblocked_.exchange(false); }
  /// To be called after the end: waits until receive() has returned. Sink and PacketStore are not
  /// used after that. Not inside receive().
  void wait_for_receive();
  /// Sends the acknowledgements that are due, before a normal end. Not inside receive().
  void send_acknowledgements();
  /// Paho has closed its socket: sends what is left, shuts the stream down, and ends the channel.
  void client_closed();

  // ---- For any thread ----

  /// Sends what write() has kept.
  void flush();
  /// Ends the channel with this cause.
  void end(const base::Status& cause) { end(cause, Ending::kOther); }
  /// Likewise, but sends DISCONNECT first, so that the broker does not publish the will.
  void disconnect(const base::Status& cause);
  bool ended() const { return ended_.load(); }
  /// Sends a PINGREQ that is not Paho's. Paho gets its PINGRESP, which does no harm.
  void ping();
  /// Since when the broker owes an answer to a ping(): it has sent nothing since then. The time does
  /// not count while bytes in front of the PINGREQ are still being taken, as on a slow link. To be
  /// called regularly, since progress is noticed here.
  std::optional<base::TimePoint> unanswered_since();
  /// The current time while received bytes are being handled: a slow disk must not make the broker
  /// look silent.
  base::TimePoint last_received() const;
  base::TimePoint last_sent() const;

 private:
  Channel(std::unique_ptr<transport::ByteStream> stream, Settings settings, Events events,
          core::MessageSink* sink, std::shared_ptr<packets::AckLedger> ledger,
          std::shared_ptr<Waker> receiver, std::shared_ptr<Waker> client);

  // packets::BrokerEvents, inside receive().
  void on_connack(const packets::Connack& connack) override;
  void on_publish(core::IncomingMessage message) override;
  void on_pubrel(std::uint16_t id) override;
  void on_disconnect(const packets::Disconnect& disconnect) override;
  void on_packet_for_client(std::string_view packet) override;

  void end(const base::Status& cause, Ending ending);
  void report_end(const base::Status& cause, Ending ending);
  struct End {
    base::Status cause;
    Ending ending = Ending::kOther;
  };
  /// The Ending of a failure of the stream.
  Ending stream_ending() const DM_REQUIRES(io_) {
    return stream_->closed_by_peer() ? Ending::kByPeer : Ending::kOther;
  }
  /// None: the connection has not ended.
  std::optional<End> read_and_filter(char* buffer, std::size_t buffer_size);
  base::Status acknowledge();
  /// A receipt was given. On any thread.
  void acknowledgement_due() noexcept;
  void send_due_acknowledgements() noexcept;
  void send_kept() DM_REQUIRES(io_);
  ssize_t write_directly(const iovec* parts, int count) DM_REQUIRES(io_);
  void keep(const iovec* parts, int count) DM_REQUIRES(io_);
  void packet_written() DM_REQUIRES(io_);
  /// Of the bytes written, how many the other side's system has taken (about).
  std::size_t delivered() const DM_REQUIRES(io_);
  /// The buffer for packets that do not come from Paho.
  std::string& own_packets() DM_REQUIRES(io_) { return in_packet_ ? own_ : kept_; }

  const Settings settings_;
  const Events events_;
  core::MessageSink* const sink_;
  const std::shared_ptr<packets::AckLedger> ledger_;  ///< the next connection uses it too
  const std::shared_ptr<Waker> receiver_;
  const std::shared_ptr<Waker> client_;
  packets::PacketFilter filter_;

  // Used by the receiving thread, which holds the mutex during all of receive(), including the
  // sink's work on disk. Others take it to wait for the end of receive(), or to send what is due at
  // the end.
  base::Mutex receive_;
  base::Status event_status_;  ///< an error ends the connection; set by events of filter_.inbound()
  Ending event_ending_ = Ending::kOther;
  bool uncommitted_ = false;  ///< the sink has something to commit

  /// Something could not be stored: nothing is acknowledged any more.
  std::atomic<bool> acknowledging_stopped_{false};

  std::atomic<bool> tcp_ack_pending_{false};

  // Held during the stream's calls, which do not block, so that writes of several threads do not
  // mix.
  mutable base::Mutex io_;
  std::unique_ptr<transport::ByteStream> stream_ DM_GUARDED_BY(io_);
  std::string kept_ DM_GUARDED_BY(io_);         ///< to be sent
  bool in_packet_ DM_GUARDED_BY(io_) = false;   ///< Paho has written the beginning of a packet
  std::string own_ DM_GUARDED_BY(io_);          ///< to be sent after that packet
  base::Status io_failure_ DM_GUARDED_BY(io_);  ///< of a write, for the receiving thread
  std::size_t written_ DM_GUARDED_BY(io_) = 0;  ///< bytes that the stream has accepted
  // Of the last ping() that was sent while none was unanswered.
  base::TimePoint asked_at_ DM_GUARDED_BY(io_);
  base::TimePoint taken_at_ DM_GUARDED_BY(io_);   ///< bytes in front of it were, last
  std::size_t ping_end_ DM_GUARDED_BY(io_) = 0;   ///< so many bytes are written with its last one
  std::size_t delivered_ DM_GUARDED_BY(io_) = 0;  ///< delivered() when it was last looked at
  std::atomic<bool> full_{false};                 ///< the stream accepts no more for now
  std::atomic<bool> blocked_{false};
  std::atomic<bool> unblocked_{false};

  mutable base::Mutex client_mutex_;
  std::string for_client_ DM_GUARDED_BY(client_mutex_);
  std::size_t for_client_begin_ DM_GUARDED_BY(client_mutex_) = 0;

  std::atomic<bool> ended_{false};
  std::atomic<bool> receiving_{false};
  std::atomic<base::TimePoint::rep> last_received_;
  std::atomic<base::TimePoint::rep> last_sent_;
};

}  // namespace dapr_mqtt::mqtt
