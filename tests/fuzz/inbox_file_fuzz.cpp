// The inbox's files as another program or a bad disk may have left them: any value in any column of
// any row, and any bytes in the files of event IDs. (SQLite has its own fuzzers for its pages.)
// Opening succeeds, and a damaged message does not affect others. A well-formed message comes out
// as it was put in, until it is settled. A message with damaged numbers or properties still comes
// out with its topic and payload. No new message takes another one's place, and no time overflows.
// The input is a list of rows (Step), then what is done with the inbox.
#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/input.h"
#include "fuzz/require.h"
#include "fuzz/seeds.h"
#include "storage/message_table.h"
#include "storage/schema.h"
#include "storage/sqlite_inbox.h"
#include "support/scratch_folder.h"

namespace {

namespace fs = std::filesystem;
using namespace dapr_mqtt;
using core::InboxId;
using fuzz::Input;
using fuzz::require;
using std::chrono::hours;
using std::chrono::milliseconds;
using Order = core::Inbox::Order;

constexpr base::ClockReading kClocks{base::WallTime(hours(500'000)), base::WallTime(hours(500'001)),
                                     hours(3), 7};
/// By this time, every message that an earlier process has released is due.
constexpr base::WallTime kAllDue = kClocks.steady + hours(24 * 365);
constexpr milliseconds kPause = hours(1);
/// Beyond this time, nanoseconds since 1970 do not fit into 64 bits.
constexpr milliseconds kFarthest{9'000'000'000'000};

enum Step { kEnd, kMessage, kRow, kCounter, kNoCounters, kPacket, kSubscription, kEventId, kSteps };

constexpr std::array<const char*, 8> kCounters = {
    "ids",        "room",          "file", "clock boot", "clock ahead of boot", "clock wall ahead",
    "clock last", "brought from 1"};
constexpr std::array<std::string_view, 4> kQueues = {"", "t/#", "q", "t/+"};
constexpr std::array<std::int64_t, 13> kNumbers = {std::numeric_limits<std::int64_t>::max(),
                                                   std::numeric_limits<std::int64_t>::min(),
                                                   -1,
                                                   0,
                                                   1,
                                                   8'000'000'000'000,
                                                   -8'000'000'000'000,
                                                   0xffff'ffff,
                                                   0x1'0000'0000,
                                                   0xffff,
                                                   0x1'0000,
                                                   std::int64_t{1} << 62U,
                                                   (std::int64_t{1} << 61U) + 1};

class Alarm final : public base::Logger {
 public:
  bool enabled(base::LogLevel) const override { return true; }
  void write(base::LogLevel, std::string_view, std::string_view message) override {
    for (const char* part :
         {"a new one is created", "is missing", "cannot be delivered", "cannot read"}) {
      if (message.find(part) == message.npos) continue;
      require(false, message);
    }
  }
};

/// In memory, where the system has a place for that.
fs::path place() {
  return fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
}

std::unique_ptr<storage::sqlite::Database> open_raw(const std::string& path) {
  bool corrupt = false;
  storage::sqlite::DatabaseOptions options;
  options.scratch = true;
  auto database = storage::sqlite::Database::open(path, options, &corrupt);
  require(database.ok(), database.status().message());
  return std::move(database).value();
}

void execute(storage::sqlite::Database& database, const char* sql) {
  const base::Status status = database.execute(sql);
  require(status.ok(), status.message());
}

class Files {
 public:
  Files() {
    const std::string path = folder_.file("empty.db");
    auto database = open_raw(path);
    const base::Status status = storage::migrate(*database);
    require(status.ok(), status.message());
    // So that NULL reaches the readers. (In a large file nothing checks for it before them.)
    execute(*database, "PRAGMA writable_schema=ON");
    execute(*database, "UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '')");
    database.reset();
    std::ifstream file(path, std::ios::binary);
    empty_.assign(std::istreambuf_iterator<char>(file), {});
  }

  std::string begin() {
    for (const auto& entry : fs::directory_iterator(folder_.path() / "inbox")) fs::remove(entry);
    std::ofstream(path_, std::ios::binary) << empty_;  // libFuzzer's timer interrupts a copy
    return path_;
  }
  std::string event_ids(unsigned connection) const {
    return (folder_.path() / "inbox" / "event-ids-").string() + std::to_string(connection);
  }

 private:
  static std::string make_folder(const fs::path& path) {
    fs::create_directory(path);
    return path;
  }
  const testing::ScratchFolder folder_{place()};
  std::string empty_;  ///< a database without rows
  const std::string path_ = make_folder(folder_.path() / "inbox") + "/inbox.db";
};

struct Expected {
  core::IncomingMessage message;
  std::uint32_t failures = 0;
  bool whole = true;  ///< false: only its topic and its payload are intact
};
/// By number in the file; what was damaged may have another one.
using ExpectedMessages = std::map<InboxId, Expected>;

/// Binds a value of the type that was asked for.
void bind(storage::sqlite::Statement& statement, int at, unsigned type, Input& in) {
  switch (type) {
    case 1: statement.bind_null(at); break;
    case 2: statement.bind(at, static_cast<std::int64_t>(in.number(8))); break;
    case 3: statement.bind(at, kNumbers.at(in.byte() % kNumbers.size())); break;
    case 4: statement.bind_text(at, in.bytes(in.byte())); break;
    case 5: statement.bind_blob(at, in.bytes(in.byte())); break;
    default: statement.bind(at, static_cast<std::int64_t>(in.byte())); break;
  }
}
constexpr unsigned kTypes = 7;  ///< 0: as it is

core::IncomingMessage message_of(Input& in) {
  core::IncomingMessage message;
  const unsigned flags = in.byte();
  message.qos = static_cast<core::QoS>(flags % 3);
  message.retained = (flags & 4U) != 0;
  message.duplicate = (flags & 8U) != 0;
  message.full_size = (flags & 16U) != 0 ? in.number(3) : 0;
  message.event_seed = (flags & 32U) != 0 ? in.number(8) : 0;
  message.received = kClocks.wall - milliseconds(in.number(4));
  message.topic = in.text('\0');
  message.payload = in.bytes(in.byte());
  if ((flags & 64U) != 0) {
    auto properties = std::make_shared<core::MessageProperties>();
    properties->content_type = in.bytes(in.byte() % 32);
    properties->correlation_data = in.bytes(in.byte() % 32);
    if ((flags & 128U) != 0) properties->expiry = std::chrono::seconds(in.number(4));
    for (unsigned left = in.byte() % 4; left > 0; --left) {
      std::string name(in.text('\0'));
      properties->user_properties.emplace_back(std::move(name), in.text('\0'));
    }
    message.properties = std::move(properties);
  }
  return message;
}

bool same(const core::IncomingMessage& a, const core::IncomingMessage& b) {
  if ((a.properties == nullptr) != (b.properties == nullptr)) return false;
  if (a.properties && (a.properties->content_type != b.properties->content_type ||
                       a.properties->response_topic != b.properties->response_topic ||
                       a.properties->correlation_data != b.properties->correlation_data ||
                       a.properties->user_properties != b.properties->user_properties ||
                       a.properties->expiry != b.properties->expiry)) {
    return false;
  }
  return a.topic == b.topic && a.payload == b.payload && a.qos == b.qos &&
         a.retained == b.retained && a.duplicate == b.duplicate && a.received == b.received &&
         a.full_size == b.full_size && a.event_seed == b.event_seed;
}

/// Writes the files.
class Writer {
 public:
  Writer(Files& files, base::Logger& log, Input& in)
      : path_(files.begin()), files_(files), log_(log), in_(in), database_(open_raw(path_)) {
    table_ = storage::MessageTable::make(*database_).value();
  }

  void write() {
    execute(*database_, "BEGIN");
    InboxId last = 0;
    for (unsigned rows = 0; rows < 200 && !in_.empty(); ++rows) {
      const unsigned step = in_.byte() % kSteps;
      if (step == kEnd) break;
      switch (step) {
        case kMessage: put_message(++last); break;
        case kRow: put_row(++last); break;
        case kCounter:
          put("INSERT OR REPLACE INTO counters VALUES(?1, ?2)", {kCounters.at(in_.byte() % 8)});
          break;
        case kNoCounters: execute(*database_, "DELETE FROM counters"); break;
        case kPacket: put("INSERT OR REPLACE INTO packets VALUES(?1)", {}); break;
        case kSubscription:
          put("INSERT OR REPLACE INTO subscriptions VALUES(?2, ?1)", {in_.text('\0')});
          break;
        default: put_event_id(); break;
      }
    }
    execute(*database_, "COMMIT");
    table_.reset();
    database_.reset();
  }
  const std::string& path() const { return path_; }

  ExpectedMessages expected;
  std::vector<std::pair<unsigned, core::IncomingMessage>> come_again;  ///< by connection

 private:
  void put_message(InboxId id) {
    const std::string_view queue = kQueues.at(in_.byte() % kQueues.size());
    Expected expect{message_of(in_), in_.byte() % 4};
    const base::Status status = table_->insert(
        id, {queue, {}, expect.failures, (in_.byte() & 1U) != 0, expect.message.received},
        expect.message);
    require(status.ok(), status.message());
    expected[id] = std::move(expect);
  }

  /// Changes some columns; the number last, since it may become that of another row.
  void put_row(InboxId id) {
    static constexpr std::array<const char*, 11> kColumns = {
        "event_seed", "full_size", "payload", "properties", "topic", "received",
        "flags",      "failures",  "due",     "queue",      "id"};
    put_message(id);
    for (const std::string column : kColumns) {
      const unsigned type = in_.byte() % kTypes;
      if (type == 0) continue;
      auto update =
          database_
              ->prepare(
                  ("UPDATE OR REPLACE messages SET " + column + " = ?1 WHERE id = ?2").c_str())
              .value();
      bind(update.bind(2, static_cast<std::int64_t>(id)), 1, type, in_);
      static_cast<void>(update.run());  // not all are taken
      expected.at(id).whole = false;
    }
    for (auto it = expected.begin(); it != expected.end();) {
      const auto stored = table_->read(it->first).value();
      const core::IncomingMessage& wanted = it->second.message;
      const bool there =
          stored && stored->topic == wanted.topic && stored->payload == wanted.payload;
      if (there && (!same(*stored, wanted) || failures_of(it->first) != it->second.failures)) {
        it->second.whole = false;
      }
      it = there ? std::next(it) : expected.erase(it);
    }
  }

  std::int64_t failures_of(InboxId id) {
    return database_
        ->number(("SELECT failures FROM messages WHERE id = " + std::to_string(id)).c_str())
        .value();
  }

  void put(const char* sql, std::vector<std::string_view> first) {
    auto insert = database_->prepare(sql).value();
    if (!first.empty()) insert.bind_text(1, first.front());
    bind(insert, first.empty() ? 1 : 2, in_.byte() % kTypes, in_);
    static_cast<void>(insert.run());  // not all are taken
  }

  void put_event_id() {
    const unsigned connection = in_.byte() % 3;
    core::IncomingMessage message;
    message.qos = core::QoS::kAtLeastOnce;
    message.packet = {connection, static_cast<std::uint16_t>(in_.number(2))};
    message.received = base::WallTime(milliseconds(static_cast<std::int64_t>(in_.number(8))));
    message.payload = in_.bytes(in_.byte() % 8);
    if (message.packet.id == 0) return;
    const std::string path = files_.event_ids(connection);
    {
      storage::EventIdRecords records(path, kClocks.boot, base::Log(log_));
      records.load();
      records.received(message, true);
      if ((in_.byte() & 1U) != 0) records.close();
    }
    if (const unsigned damage = in_.byte() % 4; damage == 1) {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(in_.byte()));
      file << in_.bytes(in_.byte() % 16);
    } else if (damage == 2) {
      std::error_code ignored;
      fs::resize_file(path, in_.byte(), ignored);
    }
    message.duplicate = true;
    message.received = kClocks.wall;
    message.arrived = kClocks.steady;
    come_again.emplace_back(connection, std::move(message));
  }

  const std::string path_;
  Files& files_;
  base::Logger& log_;
  Input& in_;
  std::unique_ptr<storage::sqlite::Database> database_;
  std::unique_ptr<storage::MessageTable> table_;
};

bool in_range(base::WallTime time) {
  return time.time_since_epoch() <= kFarthest && time.time_since_epoch() >= -kFarthest;
}

/// As the dispatcher and the metrics do.
void calculate(const core::InboxEntry& entry) {
  require(in_range(entry.message->received), "the displayed time is in range");
  if (const auto end = entry.message->expires_at()) {
    (void)std::chrono::ceil<std::chrono::seconds>(*end - kClocks.steady);
  }
  require(entry.failures + 1 != 0, "the next attempt has a number");
}

using Taken = std::vector<core::InboxEntry>;

/// All that waits in `queue` and is due.
Taken take_all(core::Inbox& inbox, std::string_view queue, Order order, base::WallTime now) {
  Taken all;
  const std::size_t most = 2 * inbox.usage().messages + 10;
  for (std::size_t n = 0; n <= most; ++n) {
    if (auto entry = inbox.take(queue, now, order)) {
      calculate(*entry);
      // Otherwise no further message with its key would come.
      if (order == Order::kByKey) inbox.settle(entry->id);
      all.push_back(*std::move(entry));
      continue;
    }
    const auto due = inbox.next_due(queue, order);
    require(!due || *due <= kAllDue, "nothing waits longer than it may");
    if (!due || *due > now) return all;
  }
  require(false, "taking comes to an end");
  return all;
}

void check(ExpectedMessages& expected, std::set<InboxId>& seen, const core::InboxEntry& entry) {
  require(seen.insert(entry.id).second, "each message comes out once");
  const auto found = expected.find(entry.id);
  if (found == expected.end()) return;
  const core::IncomingMessage& message = found->second.message;
  require(entry.message->topic == message.topic && entry.message->payload == message.payload,
          "topic and payload are what was put in");
  if (!found->second.whole) return;
  require(same(*entry.message, message), "a message is what was put in");
  require(entry.failures == found->second.failures, "its failures are what was put in");
}

class Run {
 public:
  Run(std::string path, Alarm& log) : path_(std::move(path)), log_(log) { open(); }

  storage::SqliteInbox& inbox() { return *inbox_; }
  void open() {
    inbox_.reset();
    storage::SqliteInboxOptions options;
    options.cache_bytes = 256;
    options.clocks = [] { return kClocks; };
    auto inbox = storage::SqliteInbox::open(path_, options, base::Log(log_));
    require(inbox.ok(), inbox.status().message());
    inbox_ = std::move(inbox).value();
    const auto oldest = inbox_->oldest_received();
    require(!oldest || *oldest <= kClocks.steady, "nothing came in later than now");
    if (oldest) (void)std::chrono::duration<double>(kClocks.steady - *oldest);
    for (const auto& [connection, filter] : inbox_->session().subscriptions()) {
      require(connection < 1000, "a connection is made for each below that of a subscription");
      require(!filter.str().empty(), "a subscription has a filter");
    }
    for (const std::size_t connection : {0, 1}) {
      for (const auto id : inbox_->session().packets(connection).ids()) {
        require(id != 0, "0 is no packet identifier");
      }
    }
  }

  /// A new message, which must not be confused with any that was there.
  void append(core::IncomingMessage message, const std::set<InboxId>& used) {
    const std::size_t before = inbox_->usage().messages;
    const std::string payload = message.payload;
    const auto outcome = inbox_->append("new", std::move(message), false);
    require(outcome.ok() && outcome.value().id != 0, "a new message is taken in");
    require(!used.contains(outcome.value().id), "its number is new");
    require(inbox_->usage().messages == before + 1, "it takes no other's place");
    require(inbox_->commit().ok(), "it is written");
  }

 private:
  const std::string path_;
  Alarm& log_;
  std::unique_ptr<storage::SqliteInbox> inbox_;
};

void use(Run& run, Writer& writer, Input& in) {
  ExpectedMessages& expected = writer.expected;
  storage::SqliteInbox& inbox = run.inbox();
  for (unsigned left = in.byte() % 4; left > 0; --left) {
    static constexpr std::array<const char*, 4> kFilters = {"#", "t/#", "+", "t/1"};
    inbox.claim(core::TopicFilter::parse(kFilters.at(in.byte() % 4)).value());
  }
  const std::size_t all = inbox.usage().messages;
  require(all >= expected.size(), "each message is there");
  std::set<InboxId> seen;
  Taken taken;
  ExpectedMessages wait;  // until they are due again
  for (const std::string& queue : inbox.queues()) {
    const auto order = static_cast<Order>(in.byte() % 3);
    if (order == Order::kByKey) {
      static constexpr std::array<const char*, 3> kKeys = {"topic", "segment:2", "property:k"};
      inbox.order_by(queue, core::OrderKey::parse(kKeys.at(in.byte() % 3)));
    }
    for (core::InboxEntry& entry : take_all(inbox, queue, order, kAllDue)) {
      check(expected, seen, entry);
      if (order != Order::kByKey) taken.push_back(std::move(entry));
    }
  }
  require(seen.size() == all, "all that is counted comes out");
  for (const auto& [id, expect] : expected) require(seen.contains(id), "each comes out");
  for (const core::InboxEntry& entry : taken) {
    const unsigned what = in.byte() % 3;
    if (what == 0) {
      inbox.settle(entry.id);
      continue;
    }
    inbox.release(entry.id, entry.failures + 1,
                  what == 1 ? core::Inbox::kInItsPlace : kAllDue - kPause);
    wait[entry.id] = {*entry.message, entry.failures + 1, true};
  }
  for (auto& [connection, message] : writer.come_again) {
    inbox.session().event_ids(connection)->received(message, true);
    require(in_range(message.received), "the time of an earlier process is in range");
    run.append(message, seen);
  }
  core::IncomingMessage fresh;
  fresh.topic = "t/new";
  fresh.payload = "new";
  fresh.qos = core::QoS::kExactlyOnce;
  fresh.packet = {0, 9};
  fresh.received = kClocks.wall;
  fresh.arrived = kClocks.steady;
  inbox.session().packets(0).put(9);
  run.append(fresh, seen);
  const std::size_t news = writer.come_again.size() + 1;
  require(inbox.usage().messages == wait.size() + news, "what is settled is gone");

  run.open();
  storage::SqliteInbox& again = run.inbox();
  require(again.usage().messages == wait.size() + news, "a restart finds what is not settled");
  require(again.session().packets(0).contains(9), "and the packet identifier");
  seen.clear();
  for (const std::string& queue : again.queues()) {
    const Taken some = take_all(again, queue, Order::kReady, kAllDue);
    for (const core::InboxEntry& entry : some) {
      check(wait, seen, entry);
      again.settle(entry.id);
    }
  }
  for (const auto& [id, expect] : wait) require(seen.contains(id), "what was put back comes again");
  require(seen.size() == wait.size() + news, "and so do the new ones");
  require(again.usage().messages == 0 && again.usage().bytes == 0, "nothing is left");
  require(again.queues().empty(), "no queue is left");
}

}  // namespace

std::vector<std::string> dapr_mqtt::fuzz::seeds() {
  using namespace std::string_literals;
  const auto step = [](Step kind, const std::string& rest) {
    return std::string(1, static_cast<char>(kind)) + rest;
  };
  // queue, flags, received, topic, payload; failures, evictable
  const std::string plain = "\1\1\0\0\0\1t/1\0\3one\0\0"s;
  const std::string properties = "\2\xc1\0\0\0\1t/1\0\3two\4text\2id\0\0\1\0\1k\0v\0\1\1"s;
  const auto row = [&](std::size_t column, const std::string& value) {
    // The last column comes first.
    return step(kRow, plain + std::string(10 - column, '\0') + value + std::string(column, '\0'));
  };
  std::vector<std::string> all = {step(kMessage, plain) + step(kMessage, properties) + "\0\1\0\2"s};
  std::string everything;
  for (std::size_t column = 0; column < 11; ++column) {
    for (const std::string& value : {"\1"s, "\3\0"s, "\3\1"s, "\3\2"s, "\4\3abc"s,
                                     "\5\4\xff\0\1\2"s, "\2\x40\0\0\0\0\0\0\0"s}) {
      all.push_back(step(kMessage, plain) + row(column, value) + step(kMessage, properties) +
                    "\0\1\0\2\1"s);
    }
    everything += row(column, "\3\1"s);
  }
  all.push_back(everything);
  for (char name = 0; name < 8; ++name) {
    for (const std::string& value : {"\1"s, "\3\0"s, "\3\1"s, "\4\3abc"s}) {
      all.push_back(step(kMessage, plain) + step(kCounter, std::string(1, name) + value));
    }
  }
  // The clock's note of the same boot.
  all.push_back(step(kCounter, "\3\6\7"s) + step(kCounter, "\4\3\0"s) + step(kCounter, "\5\3\0"s) +
                step(kCounter, "\6\3\0"s) + step(kMessage, plain));
  all.push_back(step(kMessage, plain) + step(kNoCounters, {}) + step(kMessage, properties));
  for (const std::string& value :
       {"\3\0"s, "\3\1"s, "\3\2"s, "\3\3"s, "\6\7"s, "\2\0\0\0\0\0\0\0\1"s}) {
    all.push_back(step(kPacket, value) + step(kSubscription, "t/#\0"s + value) +
                  step(kSubscription, "\0"s + value));
  }
  const std::string event = "\0\0\7"s + "\0\0\1\x8f\0\0\0\0"s + "\2hi"s;
  all.push_back(step(kEventId, event + "\0\0"s) + step(kEventId, event + "\1\1\x28\4zzzz"s));
  all.push_back(step(kEventId, "\0\0\7\x80\0\0\0\0\0\0\0\2hi\1\0"s) +
                step(kEventId, event + "\0\2\x30"s));
  return all;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Files files;
  static Alarm log;
  Input in(data, size);
  Writer writer(files, log, in);
  writer.write();
  Run run(writer.path(), log);
  use(run, writer, in);
  return 0;
}
