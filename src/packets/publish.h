// Parses the head of a broker's PUBLISH (section 3.3), which is all before the payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::packets {

/// The flags in the fixed header of a PUBLISH.
struct PublishFlags {
  explicit PublishFlags(std::uint8_t first_byte)
      : retain((first_byte & 1U) != 0),
        qos((first_byte >> 1U) & 3U),
        duplicate((first_byte & 8U) != 0) {}

  bool retain;
  unsigned qos;  // 3 is malformed
  bool duplicate;
};

struct PublishHead {
  /// How many bytes at the front of the packet's body are needed. When `complete` is not set, this
  /// is not the whole head yet: measure again once these bytes are here.
  std::size_t size = 0;
  bool complete = false;
  /// The size of properties that are too large to keep (PacketFilter::kMaxControlPacket). They are
  /// not counted in `size`.
  std::size_t skipped_properties = 0;
};

/// Measures the head in the bytes of the body that have arrived. `remaining`: the length of the
/// whole body. The final result does not depend on the pieces in which the body arrives.
base::Status measure_publish_head(core::ProtocolVersion protocol, PublishFlags flags,
                                  std::size_t remaining, std::string_view body, PublishHead& head);

/// Reads the complete head: sets everything in `message` except the payload and `full_size`.
base::Status read_publish_head(core::ProtocolVersion protocol, PublishFlags flags,
                               std::string_view head, const PublishHead& measured,
                               core::IncomingMessage& message);

}  // namespace dapr_mqtt::packets
