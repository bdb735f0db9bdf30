// Which held messages are stored before the app has handled them, so that they hold up nobody.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>

#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/delivery/app_pace.h"

namespace dapr_mqtt::delivery {

/// For inbox "auto". A broker sends no more than its window without an acknowledgement (mosquitto:
/// 20), and acknowledgements go out in the order of the messages. So a held message is stored when
/// one of these is true:
/// - The app has not answered it for kSilence.
/// - Enough messages that came after it are handled and wait for its acknowledgement.
/// - The app works on all messages that the broker allows at a time, and its streams have room for
///   more. New messages are then stored on arrival, until this has been false for
///   kStoreArrivalsFor.
/// - With ordering by key, kBlockedMessages wait for others with their keys while streams have room
///   for more: they take the places of messages that could go out. New messages are then stored on
///   arrival too.
/// (The inbox itself stores what the app failed.) Nothing is stored for an app that handles one
/// message after the other, or handles them faster than a disk writes.
///
/// No I/O, no clock: to be called every kInterval while a message is held or arrivals are stored.
class HoldPolicy {
 public:
  static constexpr std::chrono::milliseconds kInterval{50};
  static constexpr std::chrono::seconds kSilence{5};
  static constexpr std::chrono::seconds kStoreArrivalsFor{2};
  /// So many messages handled behind the oldest held one, or so many that wait for their keys, are
  /// a reason to store.
  static constexpr std::size_t kBlockedMessages = 8;
  /// Smaller broker windows than this are not detected.
  static constexpr std::size_t kMinWindow = 8;
  /// For an app that answers faster, a write costs more than waiting for the broker.
  static constexpr std::chrono::milliseconds kSlowApp{2};

  struct Facts {
    core::InboxId last_id = 0;
    core::HeldMessages held;
    std::size_t in_flight = 0;
    std::size_t window = 0;       ///< of all streams, in messages
    bool waits_for_keys = false;  ///< Dispatcher::waits_for_keys()
    AppPace pace;                 ///< since the last call
  };
  struct Decision {
    core::InboxId store_up_to = 0;  ///< 0: none
    bool store_arrivals = false;
  };
  Decision decide(const Facts& facts);

 private:
  bool works_on_many() const;

  std::deque<core::InboxId> last_ids_;  // Facts::last_id of the calls in the last kSilence
  std::deque<AppPace> paces_;           // of the calls in the last kStoreArrivalsFor
  AppPace recent_;                      // the sum of paces_
  int store_intervals_left_ = 0;        // for so many more calls arrivals are stored
};

}  // namespace dapr_mqtt::delivery
