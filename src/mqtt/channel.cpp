#include "mqtt/channel.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "dapr_mqtt/base/batch.h"
#include "dapr_mqtt/base/clock.h"
#include "mqtt/reason_codes_v5.h"

namespace dapr_mqtt::mqtt {
namespace {

using transport::IoResult;
using Outcome = IoResult::Outcome;

/// receive() reads at most this much before it commits: a few hundred messages of the usual size.
constexpr std::size_t kOnePass = 64U << 10U;
/// Small writes are kept up to this size and sent together. Not more, so that the first of them
/// does not wait too long.
constexpr std::size_t kTogether = 8U << 10U;
/// Nothing is read while more than this waits for a broker that does not read, or for Paho.
constexpr std::size_t kMostWaiting = 1U << 20U;
/// The PINGREQ waits for the end of a packet of Paho's.
constexpr std::size_t kEndUnknown = std::numeric_limits<std::size_t>::max();

base::TimePoint::rep now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

base::TimePoint time_of(const std::atomic<base::TimePoint::rep>& at) {
  return base::TimePoint(base::TimePoint::duration(at.load(std::memory_order_relaxed)));
}

std::size_t size_of(const iovec* parts, int count) {
  std::size_t size = 0;
  for (int i = 0; i < count; ++i) size += parts[i].iov_len;
  return size;
}

base::Status stream_closed() {
  return base::unavailable("the connection broke (the broker or the network closed it)");
}

base::Status not_stored() {
  return base::resource_exhausted(
      "a received packet cannot be stored, so it is not acknowledged and the broker sends it again");
}

}  // namespace

std::shared_ptr<Channel> Channel::make(std::unique_ptr<transport::ByteStream> stream,
                                       Settings settings, Events events, core::MessageSink* sink,
                                       std::shared_ptr<packets::AckLedger> ledger,
                                       std::shared_ptr<Waker> receiver,
                                       std::shared_ptr<Waker> client) {
  std::shared_ptr<Channel> channel(new Channel(std::move(stream), std::move(settings),
                                               std::move(events), sink, std::move(ledger),
                                               std::move(receiver), std::move(client)));
  if (sink != nullptr) {
    channel->ledger_->connecting([weak = std::weak_ptr<Channel>(channel)] {
      if (const auto self = weak.lock()) self->acknowledgement_due();
    });
  }
  return channel;
}

Channel::Channel(std::unique_ptr<transport::ByteStream> stream, Settings settings, Events events,
                 core::MessageSink* sink, std::shared_ptr<packets::AckLedger> ledger,
                 std::shared_ptr<Waker> receiver, std::shared_ptr<Waker> client)
    : settings_(std::move(settings)),
      events_(std::move(events)),
      sink_(sink),
      ledger_(std::move(ledger)),
      receiver_(std::move(receiver)),
      client_(std::move(client)),
      filter_({settings_.protocol, settings_.max_payload}),
      stream_(std::move(stream)),
      last_received_(now()),
      last_sent_(now()) {}

Channel::~Channel() = default;

// ---- For the receiving thread ----

int Channel::fd() const {
  base::MutexLock lock(io_);
  return stream_ ? stream_->fd() : -1;
}

bool Channel::wants_read() const {
  if (ended_) return false;
  {
    base::MutexLock lock(io_);
    if (kept_.size() + own_.size() > kMostWaiting) return false;
  }
  base::MutexLock lock(client_mutex_);
  return for_client_.size() - for_client_begin_ <= kMostWaiting;
}

bool Channel::wants_write() const { return full_ && !ended_; }

bool Channel::wants_receive() const {
  if (!ended_ && sink_ != nullptr && ledger_->has_due()) return true;
  {
    base::MutexLock lock(io_);
    if (!stream_ || ended_) return false;
    if (!io_failure_.ok()) return true;
    if (!stream_->has_buffered_input()) return false;
  }
  return wants_read();
}

void Channel::writable() {
  base::MutexLock lock(io_);
  full_ = false;  // flush() sets it again if that is not so
}

void Channel::receive(char* buffer, std::size_t buffer_size) {
  const base::Batch together;  // ends after the lock is released
  base::MutexLock turn(receive_);
  if (ended_) return;
  const std::optional<End> over = read_and_filter(buffer, buffer_size);
  // Messages that came before the end of the stream are acknowledged too.
  if (base::Status status = acknowledge(); !status.ok()) return disconnect(status);
  flush();
  if (receiving_.exchange(false)) last_received_.store(now(), std::memory_order_relaxed);
  if (over) end(over->cause, over->ending);
}

void Channel::wait_for_receive() {
  base::MutexLock turn(receive_);
  base::MutexLock lock(io_);  // another thread may be sending acknowledgements
}

std::optional<Channel::End> Channel::read_and_filter(char* buffer, std::size_t buffer_size) {
  for (std::size_t total = 0; total < kOnePass;) {
    IoResult result;
    Ending ending = Ending::kOther;
    bool more = false;
    const bool has_room = wants_read();  // receive() may have been called because of a write
    {
      base::MutexLock lock(io_);
      if (!stream_) return std::nullopt;
      if (!io_failure_.ok()) return End{io_failure_, stream_ending()};
      if (!has_room) return std::nullopt;
      result = stream_->read(buffer, buffer_size);
      ending = stream_ending();
      more = result.bytes == buffer_size || stream_->has_buffered_input();
    }
    switch (result.outcome) {
      case Outcome::kDone: break;
      case Outcome::kWouldBlock: return std::nullopt;
      case Outcome::kClosed: return End{stream_closed(), Ending::kStreamClosed};
      case Outcome::kFailed: return End{result.status, ending};
    }
    total += result.bytes;
    receiving_ = true;
    tcp_ack_pending_ = true;
    base::Status status;
    try {
      status = filter_.inbound({buffer, result.bytes}, *this);
    } catch (const std::bad_alloc&) {
      status = base::resource_exhausted("no memory is left for a packet from the broker");
    }
    if (status.ok()) status = event_status_;
    if (!status.ok()) return End{status, event_ending_};
    if (!more) return std::nullopt;
  }
  return std::nullopt;
}

base::Status Channel::acknowledge() {
  if (acknowledging_stopped_) return not_stored();
  if (std::exchange(uncommitted_, false) && sink_ != nullptr) sink_->commit_received();
  if (!ledger_->has_due()) return {};
  try {
    ledger_->announce();  // without the lock, which Paho's writes need
    base::MutexLock lock(io_);
    ledger_->acknowledge(own_packets());
  } catch (const std::bad_alloc&) {
    return base::resource_exhausted("no memory is left for an acknowledgement");
  }
  return {};
}

void Channel::acknowledgement_due() noexcept {
  // While the receiving thread works, it checks by itself before it waits, and sends what has become
  // due until then together.
  if (!receiver_->asleep()) return receiver_->wake();
  try {
    const bool later = base::Batch::put_off(this, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->send_due_acknowledgements();
    });
    if (later) return;
  } catch (const std::bad_alloc&) {  // cannot be put off: sent at once
  }
  send_due_acknowledgements();
}

void Channel::send_due_acknowledgements() noexcept {
  if (!receiver_->asleep()) return receiver_->wake();
  if (acknowledging_stopped_) return;
  try {
    base::MutexLock lock(io_);
    if (ended_) return;  // checked under the lock: see wait_for_receive()
    ledger_->acknowledge(own_packets());
  } catch (const std::bad_alloc&) {
    return receiver_->wake();  // that thread ends the connection, if there is still no memory
  }
  flush();
  if (ledger_->has_due()) receiver_->wake();  // the rest must be announced first
}

void Channel::send_acknowledgements() {
  base::MutexLock turn(receive_);
  if (!ended_ && acknowledge().ok()) flush();
}

void Channel::before_long_wait() {
  if (!tcp_ack_pending_.exchange(false)) return;
  base::MutexLock lock(io_);
  if (!stream_) return;
  const int on = 1;
  // Fails on a stream that is no TCP socket (the self-test's), which does no harm.
  ::setsockopt(stream_->fd(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

// ---- packets::BrokerEvents ----

void Channel::on_connack(const packets::Connack& connack) {
  if (connack.code == 0) {
    event_status_ = ledger_->connected(connack.session_present);
    if (ledger_->waits_for_commit()) uncommitted_ = true;
  }
  if (!event_status_.ok()) {
    // The identifiers of the lost session would be mistaken for this one's.
    acknowledging_stopped_ = true;
    return;
  }
  events_.connack(connack);
}

void Channel::on_publish(core::IncomingMessage message) {
  if (sink_ == nullptr || !ledger_->received(message)) return;
  message.received = base::SystemWallClock().now();
  const core::QoS qos = message.qos;
  const std::uint16_t id = message.packet.id;
  if (qos != core::QoS::kAtMostOnce) uncommitted_ = true;
  if (sink_->on_message(std::move(message))) return;
  ledger_->refused(qos, id);
  acknowledging_stopped_ = true;
}

void Channel::on_pubrel(std::uint16_t id) {
  uncommitted_ = true;
  if (!ledger_->released(id).ok()) acknowledging_stopped_ = true;
}

void Channel::on_disconnect(const packets::Disconnect& disconnect) {
  event_status_ = disconnected_by_broker(
      {disconnect.code, disconnect.reason_string, disconnect.server_reference},
      settings_.client_id);
  if (may_reject_request(disconnect.code)) event_ending_ = Ending::kByPeer;
}

void Channel::on_packet_for_client(std::string_view packet) {
  {
    base::MutexLock lock(client_mutex_);
    for_client_.append(packet);
  }
  if (client_ != receiver_) client_->wake();
}

// ---- For Paho ----

ssize_t Channel::write(const iovec* parts, int count) {
  const std::size_t size = size_of(parts, count);
  last_sent_.store(now(), std::memory_order_relaxed);
  if (ended_) return static_cast<ssize_t>(size);
  base::MutexLock lock(io_);
  if (!stream_ || !io_failure_.ok()) return static_cast<ssize_t>(size);
  const bool was_full = full_;
  if (full_) send_kept();
  const bool large = size > kTogether / 2;
  if (!full_ && (large || kept_.size() + size > kTogether)) send_kept();
  ssize_t taken = -1;
  if (!full_) {
    if (large) {
      taken = write_directly(parts, count);
    } else {
      try {
        keep(parts, count);
        taken = static_cast<ssize_t>(size);
      } catch (const std::bad_alloc&) {  // reported as EAGAIN: Paho tries again
      }
    }
  }
  if (taken == static_cast<ssize_t>(size)) {
    packet_written();
  } else if (taken > 0) {
    in_packet_ = true;
  }
  // Only the receiving thread waits until the stream accepts more.
  if (!io_failure_.ok() || (full_ && !was_full)) receiver_->wake();
  if (taken != static_cast<ssize_t>(size)) {
    blocked_ = true;
    receiver_->wake();
    if (taken <= 0) {
      errno = EAGAIN;
      return -1;
    }
  }
  return taken;
}

void Channel::keep(const iovec* parts, int count) {
  const std::size_t before = kept_.size();
  kept_.reserve(before + size_of(parts, count));
  for (int i = 0; i < count; ++i) {
    const std::string_view part(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    if (base::Status status = filter_.outbound(part); !status.ok()) {
      io_failure_ = status;
      kept_.resize(before);
      return;
    }
    kept_.append(part);
  }
  // Paho writes one packet at a time.
  if (filter_.take_withheld()) kept_.resize(before);
}

void Channel::packet_written() {
  if (!std::exchange(in_packet_, false)) return;
  try {
    kept_.append(own_);
    own_.clear();
    if (ping_end_ == kEndUnknown) ping_end_ = written_ + kept_.size();
  } catch (const std::bad_alloc&) {  // the caller is C
    io_failure_ = base::resource_exhausted("no memory is left for an acknowledgement");
  }
}

ssize_t Channel::write_directly(const iovec* parts, int count) {
  ssize_t taken = 0;
  for (int i = 0; i < count; ++i) {
    std::string_view part(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    while (!part.empty()) {
      const IoResult result = stream_->write(part.data(), part.size());
      if (result.outcome != Outcome::kDone) {
        if (result.outcome == Outcome::kFailed) {
          io_failure_ = result.status;
          return static_cast<ssize_t>(size_of(parts, count));
        }
        full_ = true;
        return taken;
      }
      if (base::Status status = filter_.outbound(part.substr(0, result.bytes)); !status.ok()) {
        io_failure_ = status;
        return static_cast<ssize_t>(size_of(parts, count));
      }
      taken += static_cast<ssize_t>(result.bytes);
      written_ += result.bytes;
      part.remove_prefix(result.bytes);
    }
  }
  full_ = stream_->wants_write();
  return taken;
}

void Channel::send_kept() {
  if (kept_.empty() && !stream_->wants_write()) return;  // leaves full_ as it is
  std::size_t sent = 0;
  IoResult result{Outcome::kDone, 0, {}};
  while (sent < kept_.size() && result.outcome == Outcome::kDone) {
    result = stream_->write(kept_.data() + sent, kept_.size() - sent);
    if (result.outcome == Outcome::kDone) sent += result.bytes;
  }
  if (result.outcome == Outcome::kDone) result = stream_->flush();
  if (sent > 0) tcp_ack_pending_ = false;
  written_ += sent;
  kept_.erase(0, sent);
  if (kept_.empty() && kept_.capacity() > 4 * kTogether) std::string().swap(kept_);
  if (result.outcome == Outcome::kFailed && io_failure_.ok()) {
    io_failure_ = result.status;
    kept_.clear();
  }
  full_ = io_failure_.ok() && (!kept_.empty() || stream_->wants_write());
}

void Channel::flush() {
  bool unblocked = false;
  bool wake = false;
  {
    base::MutexLock lock(io_);
    if (!stream_ || ended_) return;
    const bool was_full = full_;
    if (!kept_.empty() || was_full || stream_->wants_write()) send_kept();
    unblocked = !full_ && blocked_.exchange(false);
    wake = (full_ && !was_full) || !io_failure_.ok();
  }
  if (unblocked) {
    unblocked_ = true;
    client_->wake();
  }
  if (wake) receiver_->wake();
}

ssize_t Channel::read_for_client(void* buffer, std::size_t size) {
  std::size_t left = 0;
  std::size_t taken = 0;
  {
    base::MutexLock lock(client_mutex_);
    left = for_client_.size() - for_client_begin_;
    if (left == 0) {
      if (ended_) return 0;
      errno = EAGAIN;
      return -1;
    }
    taken = std::min(size, left);
    std::memcpy(buffer, for_client_.data() + for_client_begin_, taken);
    for_client_begin_ += taken;
    if (for_client_begin_ == for_client_.size()) {
      for_client_.clear();
      for_client_begin_ = 0;
    }
  }
  // The receiving thread does not read from the broker while more than that waits for Paho.
  if (left > kMostWaiting && left - taken <= kMostWaiting) receiver_->wake();
  return static_cast<ssize_t>(taken);
}

bool Channel::has_for_client() const {
  base::MutexLock lock(client_mutex_);
  return for_client_begin_ < for_client_.size() || ended_;
}

void Channel::client_closed() {
  flush();
  std::unique_ptr<transport::ByteStream> stream;
  {
    base::MutexLock lock(io_);
    stream = std::move(stream_);
  }
  if (!stream) return;
  if (!ended_) stream->shut_down();
  end(
      base::unavailable("the connection broke (the client library ended it: the broker did not "
                        "answer PINGREQ)"));
}

// ---- For any thread ----

void Channel::disconnect(const base::Status& cause) {
  {
    base::MutexLock lock(io_);
    // Set before the DISCONNECT goes out: the broker then closes the stream at once, which must not
    // count as the cause.
    if (ended_.exchange(true)) return;
    if (stream_ && io_failure_.ok() && !in_packet_) {
      packets::append_disconnect(kept_);
      send_kept();
    }
  }
  report_end(cause, Ending::kOther);
}

void Channel::end(const base::Status& cause, Ending ending) {
  if (ended_) return;
  if (events_.ending) events_.ending();
  if (!ended_.exchange(true)) report_end(cause, ending);
}

void Channel::report_end(const base::Status& cause, Ending ending) {
  if (blocked_.exchange(false)) unblocked_ = true;  // what Paho still writes is dropped
  client_->wake();
  if (receiver_ != client_) receiver_->wake();
  events_.ended(cause, ending);
}

void Channel::ping() {
  const base::TimePoint asked = std::chrono::steady_clock::now();
  const base::TimePoint received = last_received();
  {
    base::MutexLock lock(io_);
    packets::append_pingreq(own_packets());
    if (asked_at_ <= received) {  // otherwise an earlier one has had no answer yet
      asked_at_ = asked;
      ping_end_ = in_packet_ ? kEndUnknown : written_ + kept_.size();
      delivered_ = delivered();
    }
  }
  last_sent_.store(now(), std::memory_order_relaxed);
  flush();
}

std::optional<base::TimePoint> Channel::unanswered_since() {
  const base::TimePoint received = last_received();
  base::MutexLock lock(io_);
  if (asked_at_ <= received) return std::nullopt;
  const std::size_t before = std::exchange(delivered_, delivered());
  if (delivered_ > before && delivered_ < ping_end_) taken_at_ = std::chrono::steady_clock::now();
  return std::max(asked_at_, taken_at_);
}

std::size_t Channel::delivered() const {
  int on_the_way = 0;
  if (!stream_ || ::ioctl(stream_->fd(), SIOCOUTQ, &on_the_way) != 0) return written_;
  return written_ - std::min(written_, static_cast<std::size_t>(on_the_way));
}

base::TimePoint Channel::last_received() const {
  return receiving_ ? std::chrono::steady_clock::now() : time_of(last_received_);
}
base::TimePoint Channel::last_sent() const { return time_of(last_sent_); }

}  // namespace dapr_mqtt::mqtt
