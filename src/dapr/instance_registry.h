// Which instance a call is for, and when instances come and go.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dapr/acceptor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/worker.h"
#include "dapr_mqtt/instance/instance.h"

namespace dapr_mqtt::dapr {

/// An instance's address: the connection and the `x-component-instance` header
/// (empty when absent).
struct InstanceKey {
  ConnectionId connection = -1;
  std::string name;
};

/// A PullMessages stream as the registry sees it.
class OpenStream {
 public:
  virtual ~OpenStream() = default;
  /// Ends it with this status. Idempotent; any thread; does not block.
  virtual void end(const base::Status& status) = 0;
};

/// Instances by key. Inits of one key run one after the other; the end of a
/// connection closes its instances at once and those that are still being made
/// as soon as they arrive.
///
/// Thread safety: all methods from any thread; those that block say so. Calls
/// out to instances, streams and completions are made without a lock held.
/// Made by std::make_shared. An instance is destroyed on a thread of the
/// registry's own: its completions run on its threads, which must not end
/// themselves.
class InstanceRegistry : public std::enable_shared_from_this<InstanceRegistry> {
 public:
  using InstancePtr = std::shared_ptr<instance::Instance>;
  using Done = std::function<void(base::Status)>;
  /// One Init, for cancel(). Null for one that is never cancelled.
  struct InitCall {
    bool cancelled = false;  // under the registry's lock
  };
  using InitCallPtr = std::shared_ptr<InitCall>;

  /// The factory outlives the registry.
  InstanceRegistry(instance::InstanceFactory& factory, base::Log log);
  ~InstanceRegistry();

  void connection_began(ConnectionId connection);
  void connection_ended(ConnectionId connection);

  /// `done` exactly once, maybe inside the call. With an instance under the key:
  /// same metadata, OK without effect; other ones, they are checked, the old
  /// instance is closed and its streams end, and a new one is made. A failure
  /// leaves the key without instance, or (INVALID_ARGUMENT) with the old one.
  void init(InstanceKey key, core::Metadata metadata, InitCallPtr call, Done done);
  /// The caller of that Init gave up and does not see its answer: the instance
  /// that it made or makes is closed, so that none is left that nobody knows of.
  void cancel(const InstanceKey& key, const InitCallPtr& call);

  /// FAILED_PRECONDITION before a successful Init, with a text for the user that
  /// says what to do; UNAVAILABLE while Init runs, or while stopping.
  base::Result<InstancePtr> find(const InstanceKey& key) const;
  /// The key's instance or null: for what is allowed before Init.
  InstancePtr find_if_any(const InstanceKey& key) const;

  /// As find(); the stream ends when the instance is replaced or closed.
  base::Result<InstancePtr> attach(const InstanceKey& key, std::shared_ptr<OpenStream> stream);
  void detach(const InstanceKey& key, const std::shared_ptr<OpenStream>& stream);

  struct Entry {
    std::string name;
    InstancePtr instance;
  };
  std::vector<Entry> instances() const;

  /// From here on new calls get UNAVAILABLE; what is under way goes on.
  void refuse_new_calls();
  /// Blocks until nothing is in flight or the deadline has passed.
  void drain(base::TimePoint deadline);
  /// Ends all streams, closes all instances and blocks until they are gone, the
  /// ones that are still being made included (their connectTimeout bounds them).
  /// An instance that does not report its close within some seconds is named in
  /// the log and destroyed as it is.
  void stop();

 private:
  struct InitRequest {
    core::Metadata metadata;
    InitCallPtr call;
    Done done;
  };
  struct Slot {
    InstancePtr instance;
    /// The Init that made it, while its success is known to no other.
    InitCallPtr made_by;
    bool initialising = false;
    std::deque<InitRequest> waiting;
    std::set<std::shared_ptr<OpenStream>> streams;
  };
  using Connection = std::map<std::string, Slot, std::less<>>;

  void begin_init(const InstanceKey& key, InitRequest request);
  bool has_same_already(const InstanceKey& key, const InitRequest& request);
  void created(const InstanceKey& key, InitRequest request,
               base::Result<InstancePtr> result);
  void finish_init(const InstanceKey& key, InitRequest request, const base::Status& status);
  /// What a key holds, out of the registry.
  static Slot take_instance(Slot& slot);
  void retire(Slot slot, const std::string& name, const base::Status& status);
  void close(const std::string& name, InstancePtr instance);
  void closed(std::uint64_t id);
  void change_ended();
  base::Result<InstancePtr> find_locked(const InstanceKey& key) const DM_REQUIRES(mutex_);
  Slot* slot_of(const InstanceKey& key) DM_REQUIRES(mutex_);
  const Slot* slot_of(const InstanceKey& key) const DM_REQUIRES(mutex_);

  instance::InstanceFactory& factory_;
  const base::Log log_;

  mutable base::Mutex mutex_;
  base::CondVar changed_;
  std::unordered_map<ConnectionId, Connection> connections_ DM_GUARDED_BY(mutex_);
  bool stopping_ DM_GUARDED_BY(mutex_) = false;
  /// Instances on their way in or out: creates without an answer, and those
  /// taken out of their slots but not in closing_ yet.
  std::size_t changing_ DM_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_closing_ DM_GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, Entry> closing_ DM_GUARDED_BY(mutex_);

  base::Worker reaper_{"dapr-reaper"};  // last: its tasks use the above
};

}  // namespace dapr_mqtt::dapr
