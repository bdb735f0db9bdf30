// Parses the broker's bytes packet by packet, in pieces of any size.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/packets/packet_filter.h"
#include "packets/fixed_header.h"
#include "packets/publish.h"
#include "packets/requests.h"

namespace dapr_mqtt::packets {

class PacketFilter::Inbound {
 public:
  Inbound(const PacketFilterOptions& options, Requests& requests)
      : options_(options), requests_(requests) {}

  base::Status take(std::string_view bytes, BrokerEvents& events);
  /// The memory that holds an incomplete packet.
  std::size_t held() const { return gathered_.capacity() + message_.payload.capacity(); }

 private:
  enum class Stage {
    kFixedHeader,
    kControl,  // the body of any packet except PUBLISH
    kPublishHead,
    kSkippedProperties,
    kPayload,
    kEnded,  // the broker has ended the connection: the rest is ignored
  };
  enum class Progress { kNeedsMore, kContinue };

  /// Runs one stage, as far as `bytes` allow.
  base::Status step(std::string_view& bytes, BrokerEvents& events, Progress& progress);
  base::Status begin_packet();
  base::Status auth() const;
  base::Status control(std::string_view body, BrokerEvents& events);
  base::Status connack(std::string_view body, BrokerEvents& events);
  base::Status acknowledgement(PacketType type, std::string_view body, BrokerEvents& events);
  base::Status answer(PacketType type, std::string_view body, BrokerEvents& events);
  base::Status disconnect(std::string_view body, BrokerEvents& events);
  base::Status publish_head(std::string_view& bytes, Progress& progress);
  void begin_payload(std::size_t size);
  void take_payload(std::string_view& bytes);
  void next_packet();

  /// Sets `front` to the first `size` bytes of the body. If all of them are in `bytes`, it points
  /// there; otherwise they are moved from `bytes` to gathered_. False: some are still missing.
  bool front_of_body(std::size_t size, std::string_view& bytes, std::string_view& front);

  const PacketFilterOptions options_;
  Requests& requests_;

  Stage stage_ = Stage::kFixedHeader;
  bool connack_seen_ = false;
  FixedHeader header_;
  std::string gathered_;    // the beginning of a body that came in pieces
  std::string for_client_;  // one packet; a member to reuse its memory

  // Of a PUBLISH, after its head.
  core::IncomingMessage message_;
  std::size_t payload_size_ = 0;
  std::size_t kept_ = 0;  // how many bytes of the payload to keep
  std::size_t left_ = 0;  // how many bytes of the properties or the payload have not come yet
};

}  // namespace dapr_mqtt::packets
