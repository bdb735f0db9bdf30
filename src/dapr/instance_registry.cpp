#include "dapr/instance_registry.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <utility>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::dapr {
namespace {

/// daprd uses one name for each connection, other clients a handful.
constexpr std::size_t kMaxNames = 256;
/// daprd sends one Init at a time; a client that sends many at once does not wait for their
/// answers.
constexpr std::size_t kMaxWaitingInits = 16;
/// Disconnecting from a broker may take a second; a much longer time is a fault of this program.
constexpr std::chrono::seconds kCloseTimeout{10};
/// As many as there may be connections.
constexpr std::size_t kMaxIdle = 256;
constexpr std::chrono::seconds kLookAtIdle{2};

base::Status connection_gone() { return base::unavailable("the connection has ended"); }

base::Status stopping() {
  return base::unavailable(
      "this component is stopping; messages flow again when it is back and daprd has called Init "
      "again");
}

base::Status init_cancelled() { return base::cancelled("Init was cancelled"); }

}  // namespace

InstanceRegistry::InstanceRegistry(instance::InstanceFactory& factory,
                                   const std::string& socket_path,
                                   std::function<void()> on_missed_init, base::Duration idle_after,
                                   base::Log log)
    : factory_(factory),
      idle_after_(idle_after),
      log_(std::move(log)),
      marks_(socket_path),
      missed_(std::move(on_missed_init)) {}

InstanceRegistry::~InstanceRegistry() { reaper_.stop(); }

InstanceRegistry::Slot* InstanceRegistry::slot_of(const InstanceKey& key) {
  const auto connection = connections_.find(key.connection);
  if (connection == connections_.end()) return nullptr;
  const auto slot = connection->second.slots.find(key.name);
  return slot == connection->second.slots.end() ? nullptr : &slot->second;
}

const InstanceRegistry::Slot* InstanceRegistry::slot_of(const InstanceKey& key) const {
  const auto connection = connections_.find(key.connection);
  if (connection == connections_.end()) return nullptr;
  const auto slot = connection->second.slots.find(key.name);
  return slot == connection->second.slots.end() ? nullptr : &slot->second;
}

void InstanceRegistry::connection_began(ConnectionId connection, PeerProcess peer) {
  base::MutexLock lock(mutex_);
  connections_[connection].peer = std::move(peer);
}

void InstanceRegistry::connection_ended(ConnectionId connection) {
  std::vector<std::pair<std::string, Slot>> gone;
  {
    base::MutexLock lock(mutex_);
    const auto found = connections_.find(connection);
    if (found == connections_.end()) return;
    const auto process = std::make_shared<const PeerProcess>(std::move(found->second.peer));
    for (auto& [name, slot] : found->second.slots) {
      if (!stopping_ && is_idle(slot) && !process->ended() && idle_.size() < kMaxIdle) {
        slot.made_by = nullptr;
        idle_.push_back({process, name, std::move(slot)});
      } else {
        gone.emplace_back(name, std::move(slot));
      }
    }
    connections_.erase(found);
    missed_.connection_ended(connection);
    ++changing_;
    look_at_idle_later();
  }
  // An Init that is still running finds no slot when it ends, and closes its instance.
  for (auto& [name, slot] : gone) retire(std::move(slot), name, connection_gone());
  change_ended();
}

bool InstanceRegistry::is_idle(const Slot& slot) const {
  return slot.instance && !slot.initialising && slot.streams.empty() &&
         std::chrono::steady_clock::now() - slot.last_used >= idle_after_;
}

InstanceRegistry::Slot* InstanceRegistry::take_idle(const InstanceKey& key) {
  const auto connection = connections_.find(key.connection);
  if (connection == connections_.end() || stopping_) return nullptr;
  const auto is_for = [&](const Idle& idle) {
    return idle.name == key.name && idle.process->pid() == connection->second.peer.pid() &&
           !idle.process->ended();
  };
  const auto found = std::find_if(idle_.begin(), idle_.end(), is_for);
  if (found == idle_.end()) return nullptr;
  // There are several daprds whose processes are not visible: it could be any of them.
  if (std::find_if(std::next(found), idle_.end(), is_for) != idle_.end()) return nullptr;
  Slot& slot = connection->second.slots[key.name];
  slot = std::move(found->slot);
  idle_.erase(found);
  return &slot;
}

void InstanceRegistry::close_idle(const core::Metadata* metadata) {
  std::list<Idle> gone;
  {
    base::MutexLock lock(mutex_);
    for (auto it = idle_.begin(); it != idle_.end();) {
      const auto next = std::next(it);
      if (it->process->ended() ||
          (metadata != nullptr && factory_.same_client(*metadata, it->slot.instance->metadata()))) {
        gone.splice(gone.end(), idle_, it);
      }
      it = next;
    }
    ++changing_;
    look_at_idle_later();
  }
  for (Idle& idle : gone) retire(std::move(idle.slot), idle.name, connection_gone());
  change_ended();
}

void InstanceRegistry::look_at_idle_later() {
  if (idle_.empty() || std::exchange(looks_at_idle_, true)) return;
  reaper_.post_at(std::chrono::steady_clock::now() + kLookAtIdle, [this] {
    {
      base::MutexLock lock(mutex_);
      looks_at_idle_ = false;
    }
    close_idle(nullptr);
  });
}

/// Ends the streams, waiting Inits and instance of a slot that was taken out of the registry.
void InstanceRegistry::retire(Slot slot, const std::string& name, const base::Status& status) {
  for (const auto& stream : slot.streams) stream->end(status);
  for (InitRequest& request : slot.waiting) request.done(status);
  if (slot.instance) close(name, std::move(slot.instance));
}

void InstanceRegistry::init(InstanceKey key, core::Metadata metadata, InitCallPtr call, Done done) {
  if (!call) call = std::make_shared<InitCall>();
  InitRequest request{std::move(metadata), std::move(call), std::move(done)};
  base::Status refusal;
  {
    base::MutexLock lock(mutex_);
    const auto found = connections_.find(key.connection);
    if (stopping_) {
      refusal = stopping();
    } else if (found == connections_.end()) {
      refusal = connection_gone();
    } else if (found->second.slots.size() >= kMaxNames && !found->second.slots.contains(key.name)) {
      refusal = base::resource_exhausted("a connection may have " + std::to_string(kMaxNames) +
                                         " component instances");
    } else {
      if (!found->second.slots.contains(key.name)) take_idle(key);
      Slot& slot = found->second.slots[key.name];
      if (slot.initialising) {
        if (slot.waiting.size() < kMaxWaitingInits) {
          slot.waiting.push_back(std::move(request));
          return;
        }
        refusal = base::resource_exhausted("too many Inits of " + in_words(key.name) +
                                           " at the same time");
      } else {
        slot.initialising = true;
      }
    }
  }
  if (!refusal.ok()) {
    request.done(refusal);
    return;
  }
  begin_init(key, std::move(request));
}

bool InstanceRegistry::has_same_already(const InstanceKey& key, const InitRequest& request) {
  const InstancePtr existing = find_if_any(key);
  if (!existing || existing->metadata() != request.metadata) return false;
  base::MutexLock lock(mutex_);
  Slot* slot = slot_of(key);
  if (slot == nullptr || slot->instance != existing) return false;  // cancelled just now
  slot->made_by = nullptr;
  return true;
}

InstanceRegistry::Slot InstanceRegistry::take_instance(Slot& slot) {
  Slot out;
  out.instance = std::exchange(slot.instance, nullptr);
  out.streams = std::exchange(slot.streams, {});
  slot.made_by = nullptr;
  return out;
}

void InstanceRegistry::begin_init(const InstanceKey& key, InitRequest request) {
  bool cancelled = false;
  {
    base::MutexLock lock(mutex_);
    cancelled = request.call->cancelled;
  }
  if (cancelled) return finish_init(key, std::move(request), init_cancelled());
  if (has_same_already(key, request)) return finish_init(key, std::move(request), {});
  if (base::Status status = factory_.check(request.metadata); !status.ok()) {
    return finish_init(key, std::move(request), status);
  }

  Slot old;
  bool present = false;
  {
    base::MutexLock lock(mutex_);
    if (Slot* slot = slot_of(key); slot != nullptr) {
      present = true;
      old = take_instance(*slot);
      ++changing_;
    }
  }
  if (!present) return finish_init(key, std::move(request), connection_gone());
  retire(std::move(old), key.name,
         base::unavailable(in_words(key.name) + " was initialised again with other metadata"));
  close_idle(&request.metadata);

  core::Metadata metadata = request.metadata;
  factory_.create(key.name, std::move(metadata),
                  [self = shared_from_this(), key,
                   request = std::move(request)](base::Result<InstancePtr> result) mutable {
                    self->created(key, std::move(request), std::move(result));
                  });
}

void InstanceRegistry::created(const InstanceKey& key, InitRequest request,
                               base::Result<InstancePtr> result) {
  base::Status status = result.status();
  InstancePtr unwanted;
  {
    base::MutexLock lock(mutex_);
    Slot* slot = slot_of(key);
    if (result.ok()) {
      if (stopping_) {
        status = stopping();
      } else if (slot == nullptr) {
        status = connection_gone();
      } else if (request.call->cancelled) {
        status = init_cancelled();
      }
      if (status.ok()) {
        slot->instance = std::move(result).value();
        slot->mark = marks_.next();
        slot->last_used = std::chrono::steady_clock::now();
        missed_.initialised(key.connection, key.name);
        slot->made_by = request.call;
      } else {
        unwanted = std::move(result).value();
      }
    }
  }
  if (unwanted) close(key.name, std::move(unwanted));
  change_ended();
  finish_init(key, std::move(request), status);
}

void InstanceRegistry::finish_init(const InstanceKey& key, InitRequest request,
                                   const base::Status& status) {
  std::optional<InitRequest> next;
  {
    base::MutexLock lock(mutex_);
    // Before the answer, so that a call after the answer finds the new state.
    if (Slot* slot = slot_of(key); slot != nullptr) {
      if (!slot->waiting.empty()) {
        next = std::move(slot->waiting.front());
        slot->waiting.pop_front();
      } else {
        slot->initialising = false;
        if (!slot->instance) connections_.find(key.connection)->second.slots.erase(key.name);
      }
    }
  }
  request.done(status);
  if (next) begin_init(key, *std::move(next));  // recursion: kMaxWaitingInits deep at most
}

void InstanceRegistry::cancel(const InstanceKey& key, const InitCallPtr& call) {
  log_.warn("the caller gave up Init of " + in_words(key.name) +
            " before it had the answer; daprd does so after the Component's initTimeout (5s)");
  Slot unwanted;
  {
    base::MutexLock lock(mutex_);
    call->cancelled = true;
    Slot* slot = slot_of(key);
    // Not made yet (then created() closes it), or another Init has succeeded with it too.
    if (slot == nullptr || slot->made_by != call) return;
    unwanted = take_instance(*slot);
    ++changing_;
    if (!slot->initialising) connections_.find(key.connection)->second.slots.erase(key.name);
  }
  retire(std::move(unwanted), key.name, init_cancelled());
  change_ended();
}

base::Result<InstanceRegistry::InstancePtr> InstanceRegistry::find_locked(const InstanceKey& key) {
  if (stopping_) return stopping();
  if (!connections_.contains(key.connection)) return connection_gone();
  Slot* slot = slot_of(key);
  if (slot == nullptr) slot = take_idle(key);
  if (slot != nullptr && slot->instance) {
    slot->last_used = std::chrono::steady_clock::now();
    return slot->instance;
  }
  if (slot != nullptr && slot->initialising) {
    return base::unavailable("Init of " + in_words(key.name) + " has not ended yet");
  }
  return missed_.refuse(key.connection, key.name);
}

base::Result<InstanceRegistry::InstancePtr> InstanceRegistry::find(const InstanceKey& key) {
  base::MutexLock lock(mutex_);
  return find_locked(key);
}

InstanceRegistry::InstancePtr InstanceRegistry::find_if_any(const InstanceKey& key) const {
  base::MutexLock lock(mutex_);
  const Slot* slot = slot_of(key);
  return slot == nullptr ? nullptr : slot->instance;
}

base::Result<InstanceRegistry::InstancePtr> InstanceRegistry::attach(
    const InstanceKey& key, std::shared_ptr<OpenStream> stream) {
  base::MutexLock lock(mutex_);
  auto found = find_locked(key);
  if (found.ok()) slot_of(key)->streams.insert(std::move(stream));
  return found;
}

void InstanceRegistry::detach(const InstanceKey& key, const std::shared_ptr<OpenStream>& stream) {
  base::MutexLock lock(mutex_);
  Slot* slot = slot_of(key);
  if (slot == nullptr) return;
  slot->streams.erase(stream);
  slot->last_used = std::chrono::steady_clock::now();
}

std::vector<InstanceRegistry::Entry> InstanceRegistry::instances() const {
  std::vector<Entry> out;
  base::MutexLock lock(mutex_);
  for (const auto& [id, connection] : connections_) {
    for (const auto& [name, slot] : connection.slots) {
      if (slot.instance) out.push_back({name, slot.instance});
    }
  }
  return out;
}

std::string InstanceRegistry::mark_of(const InstanceKey& key) const {
  base::MutexLock lock(mutex_);
  const Slot* slot = slot_of(key);
  return slot != nullptr && slot->instance ? slot->mark : std::string();
}

bool InstanceRegistry::has_mark(std::string_view mark) const {
  base::MutexLock lock(mutex_);
  for (const auto& [id, connection] : connections_) {
    for (const auto& [name, slot] : connection.slots) {
      if (slot.instance && slot.mark == mark) return true;
    }
  }
  return std::any_of(idle_.begin(), idle_.end(),
                     [&](const Idle& idle) { return idle.slot.mark == mark; });
}

void InstanceRegistry::refuse_new_calls() {
  base::MutexLock lock(mutex_);
  stopping_ = true;
}

void InstanceRegistry::drain(base::TimePoint deadline) {
  struct Progress {
    base::Mutex mutex;
    base::CondVar changed;
    std::size_t open DM_GUARDED_BY(mutex) = 0;
  };
  const auto progress = std::make_shared<Progress>();  // a `done` may come after we gave up
  const std::vector<Entry> all = instances();
  {
    base::MutexLock lock(progress->mutex);
    progress->open = all.size();
  }
  for (const Entry& entry : all) {
    entry.instance->drain(deadline, [progress] {
      base::MutexLock lock(progress->mutex);
      --progress->open;
      progress->changed.notify_all();
    });
  }
  // Each instance keeps the deadline itself; this is for an instance that does not.
  const base::TimePoint give_up = deadline + std::chrono::seconds(1);
  base::MutexLock lock(progress->mutex);
  while (progress->open > 0 && progress->changed.wait_until(progress->mutex, give_up)) {
  }
}

void InstanceRegistry::change_ended() {
  base::MutexLock lock(mutex_);
  --changing_;
  changed_.notify_all();
}

void InstanceRegistry::close(const std::string& name, InstancePtr instance) {
  std::uint64_t id = 0;
  {
    base::MutexLock lock(mutex_);
    id = ++last_closing_;
    closing_.emplace(id, Entry{name, instance});
  }
  instance->close([weak = weak_from_this(), id] {
    if (const auto self = weak.lock()) self->closed(id);
  });
  // The instance may have reported its close by now. It must not be destroyed before close() has
  // returned, nor on this thread, which may be one of its own.
  reaper_.post([last = std::move(instance)] {});
}

void InstanceRegistry::closed(std::uint64_t id) {
  reaper_.post([this, id] {
    InstancePtr last;
    {
      base::MutexLock lock(mutex_);
      const auto found = closing_.find(id);
      if (found == closing_.end()) return;
      last = std::move(found->second.instance);
    }
    last.reset();
    base::MutexLock lock(mutex_);  // now that the instance is destroyed
    closing_.erase(id);
    changed_.notify_all();
  });
}

void InstanceRegistry::stop() {
  std::vector<std::pair<std::string, Slot>> slots;
  {
    base::MutexLock lock(mutex_);
    stopping_ = true;
    for (auto& [id, connection] : connections_) {
      for (auto& [name, slot] : connection.slots) slots.emplace_back(name, std::move(slot));
    }
    connections_.clear();
    for (Idle& idle : idle_) slots.emplace_back(idle.name, std::move(idle.slot));
    idle_.clear();
  }
  for (auto& [name, slot] : slots) retire(std::move(slot), name, stopping());
  slots.clear();

  std::map<std::uint64_t, Entry> left;
  {
    base::MutexLock lock(mutex_);
    while (changing_ > 0) changed_.wait(mutex_);
    const base::TimePoint give_up = std::chrono::steady_clock::now() + kCloseTimeout;
    while (!closing_.empty() && changed_.wait_until(mutex_, give_up)) {
    }
    left.swap(closing_);
  }
  for (const auto& [id, entry] : left) {
    log_.error(in_words(entry.name) + " did not close in time");
  }
  left.clear();
  reaper_.stop();
}

}  // namespace dapr_mqtt::dapr
