#include "simulation/crash_world.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "dapr_mqtt/delivery/dispatcher.h"
#include "dapr_mqtt/delivery/hold_watch.h"
#include "dapr_mqtt/delivery/intake.h"
#include "dapr_mqtt/delivery/intake_control.h"
#include "dapr_mqtt/packets/ack_ledger.h"
#include "dapr_mqtt/storage/memory_inbox.h"
#include "instance/inbox_keeper.h"
#include "mqtt/memory_packets.h"
#include "storage/sqlite_inbox.h"
#include "support/lossy_disk.h"

namespace dapr_mqtt::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kRetryInterval{500};

struct Topic {
  const char* name;
  std::size_t connection;
};
constexpr Topic kTopics[] = {{"a", 0}, {"b/1", 0}, {"b/2", 0}, {"c", 1}};
constexpr core::ConcurrencyMode kOrders[] = {
    core::ConcurrencyMode::kParallel, core::ConcurrencyMode::kSingle,
    core::ConcurrencyMode::kOrdered, core::ConcurrencyMode::kOrdered};

core::TopicFilter filter(std::string_view text) { return core::TopicFilter::parse(text).value(); }

}  // namespace

class CrashWorld::Stream final : public core::Subscriber {
 public:
  explicit Stream(CrashWorld& world) : world_(world) {}
  core::DeliverResult deliver(const core::Delivery& delivery) override {
    world_.delivered(delivery);
    held.push_back(delivery);
    return core::DeliverResult::kSent;
  }

  delivery::StreamId id = 0;
  std::vector<core::Delivery> held;

 private:
  CrashWorld& world_;
};

/// One process of the component.
struct CrashWorld::Process {
  testing::LossyDisk disk;
  std::unique_ptr<core::Inbox> inbox;
  core::DurableInbox* durable = nullptr;
  core::Counters counters;
  std::array<mqtt::MemoryPackets, kConnections> memory_packets;
  std::array<std::shared_ptr<packets::AckLedger>, kConnections> ledgers;
  delivery::RoutingTable table;
  std::unique_ptr<instance::InboxKeeper> keeper;
  std::unique_ptr<delivery::IntakeControl> control;
  std::unique_ptr<delivery::Dispatcher> dispatcher;
  std::unique_ptr<delivery::Intake> intake;
  std::unique_ptr<delivery::HoldWatch> hold_watch;
  std::array<std::unique_ptr<core::MessageSink>, kConnections> sinks;
  std::vector<std::shared_ptr<Stream>> streams;
  bool draining = false;

  ~Process() {
    for (auto& sink : sinks) sink.reset();
    hold_watch.reset();
    intake.reset();
    dispatcher.reset();
    control.reset();
    keeper.reset();
    inbox.reset();  // while its disk still exists
  }
};

CrashWorld::CrashWorld(std::uint64_t seed, Mode mode, Mutant mutant)
    : random_(seed),
      mode_(mode),
      mutant_(mutant),
      full_sync_(chance(30)),
      order_(kOrders[pick(std::size(kOrders))]) {
  for (std::size_t i = 0; i < kConnections; ++i) sessions_.emplace_back(1 + pick(20));
  boot();
}

CrashWorld::~CrashWorld() = default;

void CrashWorld::require(bool holds, const std::string& promise) {
  if (!holds && !violation_) violation_ = promise;
}

std::string CrashWorld::name_of(Number number) const {
  const Life& life = lives_.at(number);
  return "message " + std::to_string(number) + " (" + life.topic + ", QoS " +
         std::to_string(core::to_int(life.qos)) + ") ";
}

void CrashWorld::boot() {
  process_ = std::make_unique<Process>();
  Process& p = *process_;
  core::InboxLimits limits;
  if (chance(30)) limits.max_messages = 5 + pick(20);
  if (mode_ == Mode::kBroker) {
    p.inbox = std::make_unique<storage::MemoryInbox>(limits);
  } else {
    for (const auto& file : std::filesystem::directory_iterator(folder_->path())) {
      p.disk.hold(file.path().string());
    }
    storage::SqliteInboxOptions options;
    options.limits = limits;
    options.database = {.full_sync = full_sync_, .vfs = p.disk.name()};
    options.cache_bytes = chance(50) ? 1U << 20U : 2000;
    options.longest_wait = kRetryInterval;
    options.clocks = [this] { return clocks(); };
    auto opened = storage::SqliteInbox::open(folder_->file("inbox.db"), options, base::Log(log_));
    require(opened.ok(), "the inbox does not open: " + opened.status().message());
    require(!log_.contains("damaged"), "a crash has damaged the inbox");
    if (violation_) return;
    for (const std::string& queue : opened.value()->queues()) {
      const auto due = opened.value()->next_due(queue, core::Inbox::Order::kStrict);
      require(!due || *due <= clock_.now() + kRetryInterval, "a restart makes a retry wait longer");
    }
    p.durable = opened.value().get();
    p.inbox = std::move(opened).value();
    p.keeper = std::make_unique<instance::InboxKeeper>(
        *p.durable, executor_, base::Log(log_),
        instance::InboxKeeper::Hooks{[](const base::Status&) {}, [] {}});
  }
  delivery::Policy policy;
  policy.max_retries = -1;
  policy.order.mode = order_;
  policy.retry_interval = kRetryInterval;
  policy.window = {.messages = 1 + pick(30), .bytes = 1U << 20U};
  delivery::DispatcherHooks hooks;
  hooks.arrived = [&p] {
    if (p.hold_watch) p.hold_watch->arrived();
  };
  delivery::IntakeHooks intake_hooks;
  intake_hooks.room = intake_hooks.resume = [this, &p] {
    if (mode_ == Mode::kDisk) p.inbox->store_held(p.inbox->last_id());
  };
  p.control = std::make_unique<delivery::IntakeControl>(p.durable != nullptr, executor_, *p.inbox,
                                                        p.counters, base::Log(log_),
                                                        std::move(intake_hooks));
  p.dispatcher = std::make_unique<delivery::Dispatcher>(
      policy, executor_, clock_, *p.inbox, *p.control, p.counters, base::Log(log_), hooks);
  delivery::IntakeOptions intake;
  intake.persistent = true;
  intake.keep = mode_ == Mode::kDisk ? core::Keep::kStore : core::Keep::kHold;
  p.intake = std::make_unique<delivery::Intake>(intake, p.table, *p.inbox, p.dispatcher->arrivals(),
                                                executor_, clock_, p.counters, base::Log(log_),
                                                [&p](const base::Status& cause) {
                                                  if (p.keeper) p.keeper->disk_failed(cause);
                                                });
  if (mode_ == Mode::kAuto) {
    p.hold_watch =
        std::make_unique<delivery::HoldWatch>(executor_, *p.inbox, *p.intake, *p.dispatcher);
  }
  for (std::size_t i = 0; i < kConnections; ++i) {
    p.sinks[i] = p.intake->sink(i);
    core::PacketStore* store = &p.memory_packets[i];
    if (p.durable != nullptr) store = &p.durable->session().packets(i);
    p.ledgers[i] = std::make_shared<packets::AckLedger>(*store);
  }
  p.table.set(0, {filter("a"), filter("b/+")});
  p.table.set(1, {filter("c")});
  for (const char* text : {"a", "b/+", "c"}) {
    auto stream = std::make_shared<Stream>(*this);
    stream->id = p.dispatcher->open(filter(text), stream);
    p.streams.push_back(std::move(stream));
  }
}

base::ClockReading CrashWorld::clocks() const {
  return {clock_.now() + wall_jump_, clock_.now(),
          std::chrono::duration_cast<milliseconds>(executor_.now() - booted_), boot_};
}

void CrashWorld::crash(Crash crash) {
  auto left = std::make_unique<testing::ScratchFolder>();
  switch (crash) {
    case Crash::kKill:
      process_->disk.kill(left->path().string());
      ++coverage_.kills;
      break;
    case Crash::kPowerCut:
      process_->disk.cut_power(left->path().string(), random_());
      ++coverage_.power_cuts;
      break;
    case Crash::kMove: ++coverage_.moves; break;  // nothing is left
  }
  process_->disk.empty();
  process_.reset();
  executor_.run();  // tasks that the dead process had posted do nothing
  folder_ = std::move(left);
  disk_full_ = false;
  if (crash == Crash::kPowerCut) {
    ++boot_;
    booted_ = executor_.now();
  }
  for (BrokerSession& session : sessions_) session.disconnect();
  // Stored messages are lost with the disk; a power cut loses what was not synced.
  const bool takes_along = crash == Crash::kMove || (crash == Crash::kPowerCut && !full_sync_);
  // A power cut loses the record that an identifier was released, if it was not synced. The next
  // message with this identifier then counts as known when it comes for the second time.
  if (crash == Crash::kPowerCut && !full_sync_ && mode_ != Mode::kBroker)
    identifiers_unsure_ = true;
  for (auto& [number, life] : lives_) {
    life.out = false;
    life.handled_now = false;
    life.ack_lost = life.ack_lost || !life.forgotten;
    if (takes_along && mode_ != Mode::kBroker && life.forgotten && !life.handled) {
      life.lost_with_disk = true;
    }
  }
  boot();
}

/// SIGTERM: messages that the app has may still be answered; all others stay where they are.
void CrashWorld::drain() {
  ++coverage_.drains;
  process_->draining = true;
  process_->intake->hold_all();
  if (process_->hold_watch) process_->hold_watch->stop();
  process_->dispatcher->drain([] {});
  for (std::size_t i = 0; i < kConnections; ++i) flow(i);
  for (int n = 0; n < 3; ++n) answer();
  executor_.run();
  for (std::size_t i = 0; i < kConnections; ++i) acknowledge(i);
  if (process_->durable != nullptr) process_->durable->close();
  crash(Crash::kKill);
}

void CrashWorld::delivered(const core::Delivery& delivery) {
  const Number number = std::stoull(delivery.message->payload);
  Life& life = lives_[number];
  const std::string name = name_of(number);
  // At QoS 1, the broker sends a message without acknowledgement again; it may be stored already.
  const bool may_be_doubled = life.qos == core::QoS::kAtLeastOnce && life.ack_lost;
  require(!life.out || may_be_doubled, name + "was delivered twice at a time");
  require(!life.handled_now || may_be_doubled,
          name + "came again after its acknowledgement to this process");
  if (order_ != core::ConcurrencyMode::kParallel) require_order(number, life);
  if (life.handled) ++coverage_.handled_again;
  if (delivery.attempt > 1) ++coverage_.redelivered;
  life.out = true;
}

/// Only one message of a topic (or filter) is out at a time, and none is delivered before an
/// earlier one that was never handled.
void CrashWorld::require_order(Number number, const Life& life) {
  const bool single = order_ == core::ConcurrencyMode::kSingle;
  for (const auto& [other, l] : lives_) {
    const bool together = single ? l.topic[0] == life.topic[0] : l.topic == life.topic;
    if (!together || other == number) continue;
    require(!l.out, name_of(number) + "is out together with " + name_of(other));
    const bool unsure = identifiers_unsure_ && l.qos == core::QoS::kExactlyOnce;
    require(other > number || l.handled || l.lost_with_disk || unsure,
            name_of(number) + "overtakes " + name_of(other));
  }
}

void CrashWorld::publish() {
  for (std::size_t n = 1 + pick(8); n > 0; --n) {
    const Topic& topic = kTopics[pick(std::size(kTopics))];
    const Number number = ++last_number_;
    Life& life = lives_[number];
    life.topic = topic.name;
    life.padding = pick(3) * 700;
    life.qos = chance(60) ? core::QoS::kAtLeastOnce : core::QoS::kExactlyOnce;
    sessions_[topic.connection].queue({number, life.qos});
  }
}

void CrashWorld::connect(std::size_t connection) {
  sessions_[connection].connect();
  require(process_->ledgers[connection]->connected(true).ok(), "a session cannot be resumed");
}

void CrashWorld::break_connection(std::size_t connection) {
  if (!sessions_[connection].connected()) return;
  ++coverage_.breaks;
  sessions_[connection].disconnect();
}

bool CrashWorld::send(std::size_t connection, const BrokerSession::Sent& sent) {
  packets::AckLedger& ledger = *process_->ledgers[connection];
  if (sent.kind == BrokerSession::Sent::Kind::kPubrel) {
    require(ledger.released(sent.id).ok(), "a release is refused");
    return true;
  }
  const Life& life = lives_[sent.message.number];
  core::IncomingMessage message;
  message.topic = life.topic;
  message.payload = std::to_string(sent.message.number) + std::string(life.padding, ' ');
  message.qos = life.qos;
  message.packet.id = sent.id;
  message.duplicate = sent.duplicate;
  if (!ledger.received(message)) {
    ++coverage_.recognised;
    return true;
  }
  if (mutant_ == Mutant::kAcknowledgesEarly) message.receipt.give();
  if (process_->sinks[connection]->on_message(std::move(message))) return true;
  require(process_->inbox->overfull(), "a message is refused by an inbox that has room");
  ledger.refused(life.qos, sent.id);
  ++coverage_.refused;
  break_connection(connection);
  return false;
}

/// One read of the connection, and what follows.
void CrashWorld::flow(std::size_t connection) {
  BrokerSession& session = sessions_[connection];
  if (!session.connected()) connect(connection);
  for (std::size_t n = 1 + pick(10); n > 0; --n) {
    const auto sent = session.next();
    if (!sent || !send(connection, *sent)) break;
    if (chance(10)) executor_.run();  // delivered, and maybe written, before the commit
  }
  if (chance(3)) return crash(chance(70) ? Crash::kKill : Crash::kPowerCut);
  process_->sinks[connection]->commit_received();
  acknowledge(connection);
}

void CrashWorld::acknowledge(std::size_t connection) {
  BrokerSession& session = sessions_[connection];
  if (!session.connected()) return;
  std::string bytes;
  process_->ledgers[connection]->acknowledge(bytes);
  if (bytes.empty()) return;
  if (chance(5)) {  // the broker does not read all of it
    ++coverage_.lost_acknowledgements;
    bytes.resize(4 * pick(bytes.size() / 4));
    for (auto& [number, life] : lives_) life.ack_lost = life.ack_lost || !life.forgotten;
    break_connection(connection);
  }
  const auto wrong = session.read(bytes, [&](const BrokerSession::Queued& message) {
    Life& life = lives_[message.number];
    life.forgotten = true;
    require(mode_ != Mode::kBroker || life.handled,
            name_of(message.number) + "is acknowledged and nobody has it");
  });
  if (wrong) require(false, *wrong);
}

void CrashWorld::handle(Stream& stream, const core::Delivery& delivery) {
  Life& life = lives_[std::stoull(delivery.message->payload)];
  life.out = false;
  life.handled = true;
  life.handled_now = true;
  process_->dispatcher->acknowledge(stream.id, delivery.id, std::nullopt);
}

void CrashWorld::answer() {
  Stream& stream = *process_->streams[pick(process_->streams.size())];
  for (std::size_t n = pick(6); n > 0 && !stream.held.empty(); --n) {
    const auto nth = static_cast<std::ptrdiff_t>(pick(stream.held.size()));
    const core::Delivery delivery = stream.held[static_cast<std::size_t>(nth)];
    stream.held.erase(stream.held.begin() + nth);
    if (chance(75)) {
      handle(stream, delivery);
    } else {
      lives_[std::stoull(delivery.message->payload)].out = false;
      process_->dispatcher->acknowledge(stream.id, delivery.id, std::string("no"));
    }
  }
}

void CrashWorld::step() {
  const std::size_t roll = pick(100);
  if (roll < 15) {
    publish();
  } else if (roll < 40) {
    flow(pick(kConnections));
  } else if (roll < 70) {
    answer();
  } else if (roll < 74) {
    process_->disk.fill_after(pick(4));
    coverage_.full_disks += std::exchange(disk_full_, true) ? 0 : 1;
  } else if (roll < 78) {
    process_->disk.empty();
    disk_full_ = false;
  } else if (roll < 81) {
    crash(chance(60) ? Crash::kKill : Crash::kPowerCut);
  } else if (roll < 82) {
    crash(Crash::kMove);
  } else if (roll < 84) {
    drain();
  } else if (roll < 88) {
    break_connection(pick(kConnections));
  } else if (roll < 90) {
    constexpr std::chrono::hours kJumps[] = {std::chrono::hours(0), std::chrono::hours(-24),
                                             std::chrono::hours(72), -std::chrono::hours(400'000)};
    wall_jump_ = kJumps[pick(std::size(kJumps))];
    ++coverage_.jumps;
  } else {
    constexpr milliseconds kSteps[] = {milliseconds(1), milliseconds(25), kRetryInterval,
                                       seconds(6)};
    executor_.advance(kSteps[pick(std::size(kSteps))]);
  }
  if (violation_) return;
  executor_.run();
  for (std::size_t i = 0; i < kConnections; ++i) acknowledge(i);
}

std::optional<std::string> CrashWorld::run() {
  const std::size_t steps = 30 + pick(100);
  for (std::size_t i = 0; i < steps && !violation_; ++i) step();
  if (!violation_) finish();
  return violation_;
}

void CrashWorld::finish() {
  process_->disk.empty();
  disk_full_ = false;
  crash(Crash::kKill);
  const auto idle = [&] {
    return process_->inbox->usage().messages == 0 &&
           std::all_of(sessions_.begin(), sessions_.end(),
                       [](const BrokerSession& s) { return s.idle(); });
  };
  for (int round = 0; round < 2000 && !violation_ && !idle(); ++round) {
    for (std::size_t i = 0; i < kConnections; ++i) flow(i);
    executor_.advance(milliseconds(100));
    for (const auto& stream : std::vector(process_->streams)) {
      for (const core::Delivery& delivery : std::exchange(stream->held, {})) {
        handle(*stream, delivery);
      }
    }
    executor_.run();
    for (std::size_t i = 0; i < kConnections; ++i) acknowledge(i);
  }
  if (violation_) return;
  require(process_->inbox->usage().messages == 0, "messages stay in the inbox for ever");
  for (std::size_t i = 0; i < kConnections; ++i) {
    require(sessions_[i].idle(), "messages stay at the broker for ever");
    if (process_->durable == nullptr || identifiers_unsure_) continue;
    require(process_->durable->session().packets(i).ids().empty(),
            "packet identifiers stay in the store for ever");
  }
  for (const auto& [number, life] : lives_) {
    const bool unsure = identifiers_unsure_ && life.qos == core::QoS::kExactlyOnce;
    require(life.handled || life.lost_with_disk || unsure, name_of(number) + "is lost");
    if (!life.handled) ++coverage_.stored_and_lost;
  }
}

}  // namespace dapr_mqtt::simulation
