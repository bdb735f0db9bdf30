// The client library's requests that have no answer yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/packets/packet_filter.h"
#include "packets/acknowledgements.h"
#include "packets/packet_type.h"

namespace dapr_mqtt::packets {

/// The exchanges of one connection by packet identifier. PUBLISH, SUBSCRIBE and UNSUBSCRIBE share
/// the identifiers (section 2.2.1 of MQTT 5, 2.3.1 of 3.1.1), so an identifier has one exchange;
/// when the client uses it again, the new one replaces the old.
///
/// Thread-safe.
struct PacketFilter::Requests {
 public:
  explicit Requests(core::ProtocolVersion protocol) : protocol_(protocol) {}

  // Called after a whole packet of the client library.
  void connect_sent();
  void publish_sent(unsigned qos, std::uint16_t id);
  /// Also opens an exchange: a resumed session may begin with PUBREL.
  /// False: the broker must not get the PUBREL, since it has ended the exchange.
  bool pubrel_sent(std::uint16_t id);
  /// SUBSCRIBE or UNSUBSCRIBE.
  void filters_sent(PacketType type, std::uint16_t id, std::size_t filters);

  bool connect_seen() const;

  // Packets of the broker. An error (UNAVAILABLE): the packet answers no open request.

  enum class ForClient : std::uint8_t {
    kPacket,
    kNothing,
    kPubrec,            ///< instead of the packet
    kPubrecAndPubcomp,  ///< instead of the packet
  };
  /// PUBACK, PUBREC or PUBCOMP. `for_client`: what to give to the client library.
  base::Status acknowledge(PacketType type, const Acknowledgement& packet, ForClient& for_client);
  /// SUBACK or UNSUBACK.
  base::Status answer(PacketType type, const Answer& packet);

 private:
  enum class Waits : std::uint8_t {
    kPuback,
    kPubrec,
    kPubrel,
    kPubrelToWithhold,
    kPubcomp,
    kSuback,
    kUnsuback
  };
  struct Exchange {
    Waits waits_for = Waits::kPuback;
    std::size_t filters = 0;
  };
  using Exchanges = std::unordered_map<std::uint16_t, Exchange>;

  static base::Status mismatch(PacketType type, std::uint16_t id, const Exchange* exchange);
  void open(std::uint16_t id, Exchange exchange);

  const core::ProtocolVersion protocol_;
  mutable base::Mutex mutex_;
  bool connect_seen_ DM_GUARDED_BY(mutex_) = false;
  Exchanges exchanges_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::packets
