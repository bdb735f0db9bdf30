#include "simulation/crash_world.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace dapr_mqtt::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kRetryInterval{500};
/// Longer than the keeper takes to write what is left on a disk that works, its
/// back-off after one that did not included.
constexpr seconds kUntilWritten{30};

core::TopicFilter filter(std::string_view text) {
  return core::TopicFilter::parse(text).value();
}

}  // namespace

class CrashWorld::Stream final : public core::Subscriber {
 public:
  Stream(CrashWorld& world, std::string queue) : queue_(std::move(queue)), world_(world) {}
  core::DeliverResult deliver(const core::Delivery& delivery) override {
    world_.delivered(queue_, delivery);
    held.push_back(delivery);
    return core::DeliverResult::kSent;
  }

  delivery::StreamId id = 0;
  std::vector<core::Delivery> held;
  Number last_first = 0;  ///< the youngest that this process delivered as a first attempt

 private:
  const std::string queue_;
  CrashWorld& world_;
};

struct CrashWorld::Process {
  testing::LossyDisk disk;
  std::unique_ptr<storage::SqliteInbox> inbox;
  delivery::RoutingTable table;
  std::unique_ptr<instance::InboxKeeper> keeper;
  std::unique_ptr<delivery::Dispatcher> dispatcher;
  std::unique_ptr<delivery::Intake> intake;
  std::unique_ptr<core::MessageSink> sink;
  std::vector<std::shared_ptr<Stream>> streams;
  bool disk_fails = false;

  ~Process() {
    sink.reset();
    intake.reset();
    dispatcher.reset();
    keeper.reset();
    inbox.reset();  // while its disk is there
  }
};

CrashWorld::CrashWorld(std::uint64_t seed) : random_(seed), full_sync_(chance(30)) { boot(); }

CrashWorld::~CrashWorld() = default;

void CrashWorld::require(bool holds, const std::string& promise) {
  if (!holds && !violation_) violation_ = promise;
}

void CrashWorld::boot() {
  process_ = std::make_unique<Process>();
  Process& p = *process_;
  for (const auto& file : std::filesystem::directory_iterator(folder_->path())) {
    p.disk.hold(file.path().string());
  }
  storage::SqliteInboxOptions options;
  options.database = {.full_sync = full_sync_, .vfs = p.disk.name()};
  options.cache_bytes = chance(50) ? 0 : 2000;
  auto opened = storage::SqliteInbox::open(folder_->file("inbox.db"), options, base::Log(log_));
  require(opened.ok(), "the inbox does not open: " + opened.status().message());
  require(!log_.contains("damaged"), "a crash has damaged the inbox");
  if (violation_) return;
  p.inbox = std::move(opened).value();
  p.keeper = std::make_unique<instance::InboxKeeper>(
      *p.inbox, executor_, base::Log(log_),
      instance::InboxKeeper::Hooks{[&p](const base::Status&) { p.disk_fails = true; },
                                   [&p] { p.disk_fails = false; }});
  delivery::Policy policy;
  policy.max_retries = -1;
  policy.retry_interval = kRetryInterval;
  policy.window = {.messages = 1 + pick(6), .bytes = 1U << 20U};
  p.dispatcher = std::make_unique<delivery::Dispatcher>(policy, executor_, clock_, *p.inbox,
                                                        counters_, base::Log(log_),
                                                        delivery::DispatcherHooks{});
  delivery::IntakeOptions intake;
  intake.persistent = true;
  p.intake = std::make_unique<delivery::Intake>(
      intake, p.table, *p.inbox, p.dispatcher->arrivals(), executor_, clock_, counters_,
      base::Log(log_), [&p](const base::Status& cause) { p.keeper->disk_failed(cause); });
  p.sink = p.intake->sink(0);
  p.table.set(0, {filter("a"), filter("b/+")});
  for (const char* text : {"a", "b/+"}) {
    auto stream = std::make_shared<Stream>(*this, text);
    stream->id = p.dispatcher->open(filter(text), stream);
    p.streams.push_back(std::move(stream));
  }
}

void CrashWorld::crash() {
  auto left = std::make_unique<testing::ScratchFolder>();
  if (full_sync_ && chance(50)) {
    process_->disk.cut_power(left->path().string(), random_());
    ++coverage_.power_cuts;
  } else {
    process_->disk.kill(left->path().string());
    ++coverage_.kills;
  }
  process_->disk.empty();
  process_.reset();
  executor_.run();  // what it had posted does nothing
  folder_ = std::move(left);
  disk_full_ = false;
  broken_ = true;
  for (auto& [number, life] : lives_) {
    life.out = false;
    life.acked_now = false;
    life.attempt.reset();
  }
  boot();
}

void CrashWorld::delivered(const std::string& queue, const core::Delivery& delivery) {
  const Number number = std::stoull(delivery.message->payload);
  Life& life = lives_[number];
  const std::string name = "message " + std::to_string(number) + " of " + queue + ": ";
  require(!life.gone, name + "came again after its deletion was written");
  require(!life.acked_now, name + "came again after its acknowledgement to this process");
  require(!life.out, name + "delivered twice at a time");
  require(delivery.attempt >= 1 && delivery.attempt <= life.failures + 1,
          name + "has more attempts than failures");
  if (life.attempt) require(delivery.attempt >= *life.attempt, name + "attempts go back");
  if (life.handled) ++coverage_.came_again;
  if (delivery.attempt > 1) ++coverage_.redelivered;
  const auto& streams = process_->streams;
  Stream& stream = *streams[queue == "a" ? 0 : 1];
  if (!life.attempt && delivery.attempt == 1) {
    require(number > stream.last_first, name + "is out of order");
    stream.last_first = number;
  }
  life.attempt = delivery.attempt;
  life.out = true;
}

void CrashWorld::receive() {
  // What was on its way still comes after a stop of intake, but no more.
  if (process_->disk_fails && !chance(10)) return;
  if (broken_ && !process_->disk_fails) send_again();
  for (std::size_t n = 1 + pick(5); n > 0; --n) {
    constexpr const char* kTopics[] = {"a", "b/1", "b/2"};
    const Number number = ++last_number_;
    Life& life = lives_[number];
    life.topic = kTopics[pick(std::size(kTopics))];
    life.padding = pick(3) * 700;
    life.qos = chance(80) ? core::QoS::kAtLeastOnce : core::QoS::kAtMostOnce;
    if (life.qos == core::QoS::kAtLeastOnce) unacknowledged_.push_back(number);
    send(number);
    if (chance(10)) executor_.run();  // delivered, maybe written, before they are secured
  }
  if (chance(5)) return crash();  // no acknowledgement has gone out
  acknowledge_to_broker();
}

void CrashWorld::send(Number number) {
  const Life& life = lives_[number];
  core::IncomingMessage message;
  message.topic = life.topic;
  message.payload = std::to_string(number) + std::string(life.padding, ' ');
  message.qos = life.qos;
  process_->sink->on_message(std::move(message));
}

/// On a new connection.
void CrashWorld::send_again() {
  broken_ = false;
  for (Number& number : unacknowledged_) {
    const Number copy = ++last_number_;
    const Life& life = lives_[number];
    Life fresh;
    fresh.topic = life.topic;
    fresh.padding = life.padding;
    fresh.qos = life.qos;
    lives_[copy] = std::move(fresh);
    lives_[number].again = copy;
    number = copy;
    send(copy);
  }
}

void CrashWorld::acknowledge_to_broker() {
  const bool safe = process_->sink->secure();
  if (broken_) return;
  if (safe) {
    for (const Number number : unacknowledged_) lives_[number].safe = true;
    unacknowledged_.clear();
    return;
  }
  broken_ = true;
  ++coverage_.kept_back;
  executor_.run();
  require(process_->disk_fails, "what is not acknowledged does not stop intake");
}

void CrashWorld::answer() {
  Stream& stream = *process_->streams[pick(process_->streams.size())];
  for (std::size_t n = pick(4); n > 0 && !stream.held.empty(); --n) {
    const auto nth = static_cast<std::ptrdiff_t>(pick(stream.held.size()));
    const core::Delivery delivery = stream.held[static_cast<std::size_t>(nth)];
    stream.held.erase(stream.held.begin() + nth);
    Life& life = lives_[std::stoull(delivery.message->payload)];
    life.out = false;
    if (chance(70)) {
      life.handled = true;
      life.acked_now = true;
      process_->dispatcher->acknowledge(stream.id, delivery.id, std::nullopt);
    } else {
      ++life.failures;
      process_->dispatcher->acknowledge(stream.id, delivery.id, "no");
    }
  }
}

void CrashWorld::disk_fills() {
  if (std::exchange(disk_full_, true)) return;
  process_->disk.fill_after(pick(4));
  ++coverage_.full_disks;
}

void CrashWorld::disk_empties() {
  disk_full_ = false;
  process_->disk.empty();
}

/// Time enough for all to be written, if the disk takes it.
void CrashWorld::settle_down() {
  executor_.advance(kUntilWritten);
  if (disk_full_) return;
  require(!process_->disk_fails, "intake stays stopped with a disk that works");
  for (auto& [number, life] : lives_) {
    life.safe = life.safe || life.out || life.attempt.has_value();
    life.gone = life.gone || life.acked_now;
  }
}

void CrashWorld::step() {
  const std::size_t roll = pick(100);
  if (roll < 35) {
    receive();
  } else if (roll < 70) {
    answer();
  } else if (roll < 74) {
    disk_fills();
  } else if (roll < 80) {
    disk_empties();
  } else if (roll < 85) {
    crash();
  } else if (roll < 90) {
    settle_down();
  } else {
    constexpr milliseconds kSteps[] = {milliseconds(1), milliseconds(25), kRetryInterval};
    executor_.advance(kSteps[pick(std::size(kSteps))]);
  }
  if (!violation_) executor_.run();
}

std::optional<std::string> CrashWorld::run() {
  const std::size_t steps = 20 + pick(60);
  for (std::size_t i = 0; i < steps && !violation_; ++i) step();
  if (!violation_) finish();
  return violation_;
}

void CrashWorld::finish() {
  disk_empties();
  crash();
  send_again();
  acknowledge_to_broker();
  require(unacknowledged_.empty(), "a disk that works takes not all that the broker sends again");
  for (int round = 0; round < 1000 && !violation_; ++round) {
    executor_.advance(seconds(1));
    bool answered = false;
    for (const auto& stream : process_->streams) {
      for (const core::Delivery& delivery : std::exchange(stream->held, {})) {
        Life& life = lives_[std::stoull(delivery.message->payload)];
        life.out = false;
        life.handled = true;
        life.acked_now = true;
        process_->dispatcher->acknowledge(stream->id, delivery.id, std::nullopt);
        answered = true;
      }
    }
    if (!answered && process_->inbox->usage().messages == 0) break;
  }
  require(process_->inbox->usage().messages == 0, "messages stay in the inbox for ever");
  for (const auto& [number, life] : lives_) {
    const std::string name = "message " + std::to_string(number);
    require(life.handled || !life.safe, name + " is lost");
    if (handled_at_last(number)) continue;
    require(life.qos == core::QoS::kAtMostOnce, name + " is lost to the broker and to the app");
    ++coverage_.lost_qos0;
  }
}

bool CrashWorld::handled_at_last(Number number) {
  for (; number != 0; number = lives_[number].again) {
    if (lives_[number].handled) return true;
  }
  return false;
}

}  // namespace dapr_mqtt::simulation
