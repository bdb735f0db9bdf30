// Reads the client library's bytes without changing them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/packets/packet_filter.h"
#include "packets/fixed_header.h"
#include "packets/requests.h"

namespace dapr_mqtt::packets {

/// Nothing is gathered: each field is decoded byte by byte, and what is not needed is skipped.
class PacketFilter::Outbound {
 public:
  Outbound(core::ProtocolVersion protocol, Requests& requests)
      : protocol_(protocol), requests_(requests) {}

  base::Status take(std::string_view bytes);
  bool take_withheld() { return std::exchange(withheld_, false); }

 private:
  enum class Field {
    kFixedHeader,
    kConnectStart,  // protocol name and level
    kTopicLength,   // of a PUBLISH
    kPublishId,
    kRequestId,       // of PUBREL, SUBSCRIBE and UNSUBSCRIBE
    kPropertyLength,  // of SUBSCRIBE and UNSUBSCRIBE
    kFilterLength,
    kFilterOptions,  // the byte after a topic filter in SUBSCRIBE
    kRest,           // not needed
  };

  base::Status begin_packet();
  base::Status field_complete();
  base::Status end_packet();
  /// The next field is `field`, of `bytes` bytes, after `skip` bytes that are not needed.
  void expect(Field field, std::size_t bytes, std::size_t skip = 0);
  base::Status take_body(std::string_view& bytes);
  unsigned publish_qos() const { return (header_.first() >> 1U) & 3U; }

  const core::ProtocolVersion protocol_;
  Requests& requests_;

  bool connect_begun_ = false;
  bool withheld_ = false;
  FixedHeader header_;
  Field field_ = Field::kFixedHeader;
  std::size_t body_left_ = 0;
  std::size_t skip_ = 0;        // before the field
  std::size_t field_left_ = 0;  // bytes of the field that have not come yet
  std::uint32_t value_ = 0;     // of a field of fixed size, most significant byte first
  VariableByteInteger property_length_;
  std::uint16_t id_ = 0;
  std::size_t filters_ = 0;
};

}  // namespace dapr_mqtt::packets
