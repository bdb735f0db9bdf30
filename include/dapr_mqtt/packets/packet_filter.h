// Sits between broker and client library: recognises MQTT packets, checks that they are
// well-formed, and decides who gets them. Pure: bytes in, events out; no I/O, no clock, no threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/broker_limits.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::packets {

/// What CONNACK says (MQTT 3.1.1 section 3.2, MQTT 5 section 3.2).
struct Connack {
  bool session_present = false;
  /// 0: accepted. Otherwise the return code of MQTT 3.1.1 (1 to 5), or MQTT 5's reason code (0x80
  /// and up). A client of MQTT 5 gets a code below 0x80 from a broker that only knows 3.1.1.
  int code = 0;
  std::string reason_string;     ///< MQTT 5; untrusted text
  std::string server_reference;  ///< MQTT 5: another server to use; untrusted text
  core::BrokerLimits limits;     ///< the defaults with MQTT 3.1.1
};

/// The broker's DISCONNECT (MQTT 5 section 3.14).
struct Disconnect {
  int code = 0;
  std::string reason_string;     ///< untrusted text
  std::string server_reference;  ///< another server to use; untrusted text
};

/// The events in the broker's bytes, in order. Called inside PacketFilter::inbound.
class BrokerEvents {
 public:
  virtual ~BrokerEvents() = default;

  /// Once for a connection, before all others. The client library gets the packet next.
  virtual void on_connack(const Connack& connack) = 0;
  /// A PUBLISH. `received` and `packet.connection` are not set; `packet.id` is, for QoS 1 and 2.
  /// The client library does not get it: the caller sends the acknowledgement.
  virtual void on_publish(core::IncomingMessage message) = 0;
  /// A PUBREL. The client library does not get it: the caller sends PUBCOMP.
  virtual void on_pubrel(std::uint16_t id) = 0;
  /// The client library does not get it.
  virtual void on_disconnect(const Disconnect& disconnect) = 0;
  /// A whole, well-formed packet that answers a request of the client library: CONNACK, SUBACK,
  /// UNSUBACK, PUBACK, PUBREC, PUBCOMP, PINGRESP. Never another type. It is the broker's packet,
  /// rewritten into a form that Paho 1.3.12 and 1.3.14 read safely; of MQTT 5's properties it keeps
  /// Receive Maximum and Server Keep Alive in CONNACK, and Reason String elsewhere. Valid during
  /// the call.
  virtual void on_packet_for_client(std::string_view packet) = 0;
};

struct PacketFilterOptions {
  core::ProtocolVersion protocol = core::ProtocolVersion::kMqtt311;
  /// Of a larger PUBLISH payload only the first bytes are kept (kFirstBytes at most); the message
  /// says how many bytes it had (IncomingMessage::full_size).
  std::size_t max_payload = 268'435'455;
};

/// The filter of one connection, from its first byte to its last.
///
/// Memory: one incomplete packet, at most max_payload plus about 200 KiB, and never more than
/// 64 KiB plus twice what has arrived of it; about 40 bytes for each request without an answer.
///
/// Lenient where only the content is wrong (a topic that is not UTF-8 or holds NUL, DUP with QoS
/// 0): a broker that accepted such a message would send it again for ever. A PUBREC that a broker
/// of MQTT 3.1.1 repeats is dropped, since the client library is already sending its PUBREL. A
/// publish of QoS 2 may be answered by PUBACK, as if it were of QoS 1. Strict about lengths, and
/// about which answer belongs to which request.
///
/// Thread safety: inbound from one thread at a time and outbound from one thread at a time; the
/// two at the same time.
class PacketFilter {
 public:
  /// How much is kept of a payload that is too large.
  static constexpr std::size_t kFirstBytes = 1024;
  /// Larger control packets count as malformed: none needs as much.
  static constexpr std::size_t kMaxControlPacket = 128U << 10U;

  explicit PacketFilter(PacketFilterOptions options);
  ~PacketFilter();
  PacketFilter(const PacketFilter&) = delete;
  PacketFilter& operator=(const PacketFilter&) = delete;

  /// Bytes from the broker, in pieces of any size. What follows DISCONNECT, or a CONNACK that
  /// refuses, is ignored: the broker has ended the connection.
  ///
  /// An error (UNAVAILABLE): the broker breaks the protocol. The text names the packet and what is
  /// wrong with it: "malformed PUBLISH from the broker: …", or "unexpected PUBACK from the broker:
  /// …" when it answers no open request. FAILED_PRECONDITION: it has understood CONNECT and answers
  /// it by AUTH. The connection must end, and no further call be made.
  base::Status inbound(std::string_view bytes, BrokerEvents& events);

  /// Bytes that the client library writes, in pieces of any size, before they are sent. They are
  /// only read, to know which requests are open and that CONNECT comes first. An error (INTERNAL):
  /// the library writes what it should not, such as an acknowledgement of a message it never got.
  base::Status outbound(std::string_view bytes);

  /// True once for each packet whose end outbound has just seen and that must not be sent: the
  /// PUBREL of a publish of QoS 2 that the broker has answered by PUBACK. From outbound's thread.
  bool take_withheld();

  /// Whether outbound has seen a whole CONNECT.
  bool connect_seen() const;

  /// The memory that holds an incomplete packet. From inbound's thread.
  std::size_t bytes_held() const;

 private:
  class Inbound;
  class Outbound;
  struct Requests;
  const std::unique_ptr<Requests> requests_;
  const std::unique_ptr<Inbound> inbound_;
  const std::unique_ptr<Outbound> outbound_;
};

// Packets that this project writes itself. Each is appended to `out`. They are the same in MQTT
// 3.1.1 and 5, since a reason code of 0 and empty properties may be left out (section 3.4 and
// following).
void append_puback(std::uint16_t id, std::string& out);
void append_pubrec(std::uint16_t id, std::string& out);
void append_pubcomp(std::uint16_t id, std::string& out);
void append_pingreq(std::string& out);
void append_disconnect(std::string& out);

}  // namespace dapr_mqtt::packets
