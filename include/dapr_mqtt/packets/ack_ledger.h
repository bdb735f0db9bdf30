// The receiver's side of QoS 1 and 2: which acknowledgements the broker is due, and in which
// order. No I/O, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/receipt.h"
#include "dapr_mqtt/core/session_store.h"

namespace dapr_mqtt::packets {

/// Makes all acknowledgements of received messages. PUBACK and PUBREC become due when the
/// message's receipt is given (core::Receipt), and go out in the order of the PUBLISHes that they
/// answer (MQTT-4.6.0-2): one that is not due yet delays those behind it.
///
/// In both versions of MQTT a message of QoS 2 is delivered at PUBLISH, and its packet identifier
/// is kept until PUBREL ("method B", MQTT 3.1.1 section 4.3.3; MQTT 5 section 4.3.3).
///
/// The ledger outlives the connection: the broker sends again what was not acknowledged when the
/// connection broke (MQTT-4.4.0-1). A PUBLISH with DUP, the same identifier and the same content is
/// the message that was received before, and is not delivered a second time.
///
/// Thread safety: both acknowledge(), expect_more() and has_due() from any thread, all else from
/// the connection's receiving thread. Ownership: receipts share the ledger. The PacketStore must
/// outlive the last call of announce() or acknowledge(out), and all calls from the receiving
/// thread.
class AckLedger final : public core::Acknowledger, public std::enable_shared_from_this<AckLedger> {
 public:
  explicit AckLedger(core::PacketStore& packets) : packets_(packets) {}

  /// A connection is being made: nothing is due until connected(). `due` runs when something becomes
  /// due and nothing was due before: on any thread, no lock held, must be quick. null: none.
  void connecting(std::function<void()> due);

  /// CONNACK has come. If the broker has no session, this client's record of it is removed. An
  /// error: the record could not be removed, and nothing may be acknowledged on this connection.
  base::Status connected(bool session_present);
  /// True: nothing goes out until the identifiers of the lost session are removed from disk, which
  /// the next commit does.
  bool waits_for_commit() const;
  /// A PUBLISH has come. True: deliver it; `message.receipt` is set (QoS 1 and 2). If it cannot be
  /// stored, call refused(). False: the message was received before; it is acknowledged when its
  /// receipt is given, or at once if the receipt was given already.
  bool received(core::IncomingMessage& message);
  /// The message for which received() has just returned true was not stored: when the broker sends
  /// it again, it counts as new. Nothing more is acknowledged on this connection.
  void refused(core::QoS qos, std::uint16_t id);
  /// A PUBREL has come. An error: it cannot be recorded, and nothing may be acknowledged any more.
  base::Status released(std::uint16_t id);

  void acknowledge(std::uint64_t number) noexcept override;
  void expect_more(std::uint64_t number, unsigned receipts) noexcept override;

  /// Whether an acknowledgement is due.
  bool has_due() const;
  /// Calls PacketStore::acknowledging for what is due, if the store asks for that. May wait for a
  /// disk.
  void announce();
  /// Appends all that is due to `out`, except what must be announced first. From any thread.
  void acknowledge(std::string& out);

 private:
  enum class Kind : std::uint8_t { kPuback, kPubrec };
  struct Arrival {
    Kind kind = Kind::kPuback;
    std::uint16_t id = 0;
    std::uint64_t number = 0;   ///< of its receipt
    unsigned receipts = 1;      ///< receipts that are not given yet
    std::uint64_t content = 0;  ///< a hash, to recognise the same message
    bool refused = false;
  };
  struct Release {
    std::uint16_t id = 0;
    bool committed = false;
  };
  /// A message that came on an earlier connection and was not acknowledged.
  struct Former {
    Arrival arrival;
    std::uint64_t sent_again_at = 0;  ///< its place on this connection; 0: not sent again yet
  };

  static std::uint64_t content_of(const core::IncomingMessage& message);
  core::Receipt receipt(std::uint64_t number);
  std::uint64_t next_place() const DM_REQUIRES(mutex_) { return first_arrival_ + arrivals_.size(); }
  bool sent_again(const Arrival& arrival, bool duplicate) DM_REQUIRES(mutex_);
  bool is_open(const Arrival& arrival) const DM_REQUIRES(mutex_);
  Arrival* find(std::uint64_t number) DM_REQUIRES(mutex_);
  bool due() const DM_REQUIRES(mutex_);
  void forget_former(std::uint16_t id) DM_REQUIRES(mutex_);

  core::PacketStore& packets_;
  std::vector<core::PacketStore::Id> acknowledging_;  // receiving thread only; keeps its capacity

  mutable base::Mutex mutex_;
  std::shared_ptr<const std::function<void()>> watcher_ DM_GUARDED_BY(mutex_);
  bool connected_ DM_GUARDED_BY(mutex_) = false;
  /// Messages of this connection in arrival order. Acknowledged ones are removed at the front.
  std::deque<Arrival> arrivals_ DM_GUARDED_BY(mutex_);
  /// The place of arrivals_.front(), counted over all connections. The number of a message is the
  /// place at which it came for the first time.
  std::uint64_t first_arrival_ DM_GUARDED_BY(mutex_) = 1;
  /// Arrivals whose place is below this were announced to the PacketStore.
  std::uint64_t announced_ DM_GUARDED_BY(mutex_) = 1;
  std::deque<Release> releases_ DM_GUARDED_BY(mutex_);
  std::uint64_t first_release_ DM_GUARDED_BY(mutex_) = 1;
  std::unordered_map<std::uint64_t, Former> former_ DM_GUARDED_BY(mutex_);  // by number
  /// Number by packet identifier, of the former_ messages that were not sent again yet.
  std::unordered_map<std::uint16_t, std::uint64_t> former_ids_ DM_GUARDED_BY(mutex_);
  /// Not 0: the removal of a lost session's identifiers is not on disk yet, so nothing goes out.
  std::uint64_t clearing_ DM_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_clearing_ DM_GUARDED_BY(mutex_) = 0;
};

}  // namespace dapr_mqtt::packets
