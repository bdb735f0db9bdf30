// The part of PacketFilter::Inbound for PUBLISH, the only packet that is not gathered whole.
#include <algorithm>

#include "packets/inbound.h"

namespace dapr_mqtt::packets {
namespace {

/// Memory for payloads up to this size is reserved at once, for larger ones as they arrive: a large
/// announced length alone must not cost memory.
constexpr std::size_t kReservedAtOnce = 64U << 10U;

/// Reserves room for `needed` bytes of the `total` that are announced. The capacity about doubles
/// each time and ends at exactly `total`.
void grow(std::string& payload, std::size_t needed, std::size_t total) {
  if (needed <= payload.capacity()) return;
  std::size_t capacity = total;
  while (capacity > kReservedAtOnce && capacity / 2 >= needed) capacity -= capacity / 2;
  payload.reserve(capacity);
}

}  // namespace

base::Status PacketFilter::Inbound::publish_head(std::string_view& bytes, Progress& progress) {
  const PublishFlags flags(header_.first());
  const std::size_t remaining = header_.remaining();
  PublishHead head;
  std::string_view front = gathered_.empty() ? bytes : std::string_view(gathered_);
  for (;;) {
    base::Status status =
        measure_publish_head(options_.protocol, flags, remaining,
                             front.substr(0, std::min(front.size(), remaining)), head);
    if (!status.ok()) return status;
    if (!front_of_body(head.size, bytes, front)) {
      progress = Progress::kNeedsMore;
      return {};
    }
    if (head.complete) break;
  }
  base::Status status = read_publish_head(options_.protocol, flags, front, head, message_);
  if (!status.ok()) return status;
  if (gathered_.empty()) bytes.remove_prefix(head.size);
  std::string().swap(gathered_);
  payload_size_ = remaining - head.size - head.skipped_properties;
  if (head.skipped_properties > 0) {
    // full_size marks the message as incomplete, since its properties are missing.
    message_.full_size = std::max<std::size_t>(payload_size_, 1);
    left_ = head.skipped_properties;
    stage_ = Stage::kSkippedProperties;
  } else {
    begin_payload(payload_size_);
  }
  return {};
}

void PacketFilter::Inbound::begin_payload(std::size_t size) {
  stage_ = Stage::kPayload;
  left_ = size;
  if (size > options_.max_payload) message_.full_size = size;
  kept_ = message_.full_size > 0 ? std::min(size, kFirstBytes) : size;
}

void PacketFilter::Inbound::take_payload(std::string_view& bytes) {
  const std::size_t taken = std::min(left_, bytes.size());
  const std::size_t kept = std::min(taken, kept_ - message_.payload.size());
  if (kept > 0) {
    grow(message_.payload, message_.payload.size() + kept, kept_);
    message_.payload.append(bytes, 0, kept);
  }
  bytes.remove_prefix(taken);
  left_ -= taken;
}

}  // namespace dapr_mqtt::packets
