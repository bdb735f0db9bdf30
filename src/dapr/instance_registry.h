// Finds the instance of a call, and makes and closes instances.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dapr/acceptor.h"
#include "dapr/init_marks.h"
#include "dapr/missed_inits.h"
#include "dapr/peer_process.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/worker.h"
#include "dapr_mqtt/instance/instance.h"

namespace dapr_mqtt::dapr {

/// Identifies an instance: the connection and the `x-component-instance` header (empty when
/// absent).
struct InstanceKey {
  ConnectionId connection = -1;
  std::string name;
};

/// A PullMessages stream as the registry sees it.
class OpenStream {
 public:
  virtual ~OpenStream() = default;
  /// Ends the stream with this status. Idempotent; from any thread; does not block.
  virtual void end(const base::Status& status) = 0;
};

/// Instances by key. Inits of one key run one after the other. When a connection ends, its
/// instances are closed at once, and those that are still being made are closed as soon as they are
/// ready.
///
/// Except an instance that was not used for a while (`idle_after`): grpc-go closes a connection
/// without a call for 30 minutes, and connects again for the next call, without Init. So the
/// instance is kept for a connection of the same process that calls or initialises the same name.
/// It is closed when that process has ended (if it is visible from here), or when a new instance
/// would have the same client ID.
///
/// Thread safety: all methods may be called from any thread; those that block say so. Instances,
/// streams and completions are called without a lock held. Made by std::make_shared. An instance is
/// destroyed on the registry's own thread: completions run on the instance's threads, and a thread
/// cannot join itself.
class InstanceRegistry : public std::enable_shared_from_this<InstanceRegistry> {
 public:
  using InstancePtr = std::shared_ptr<instance::Instance>;
  using Done = std::function<void(base::Status)>;
  /// Identifies one Init for cancel(). Null for an Init that is never cancelled.
  struct InitCall {
    bool cancelled = false;  // guarded by the registry's lock
  };
  using InitCallPtr = std::shared_ptr<InitCall>;

  /// The factory outlives the registry. `socket_path`: the socket of the server. `on_missed_init`:
  /// see MissedInits.
  InstanceRegistry(instance::InstanceFactory& factory, const std::string& socket_path,
                   std::function<void()> on_missed_init, base::Duration idle_after, base::Log log);
  ~InstanceRegistry();

  void connection_began(ConnectionId connection, PeerProcess peer = {});
  void connection_ended(ConnectionId connection);

  /// Calls `done` exactly once, maybe inside this call. If the key has an instance with the same
  /// metadata, the result is OK and nothing changes. With other metadata, the metadata is checked,
  /// the old instance is closed and its streams end, and a new instance is made. After a failure
  /// the key has no instance, or after INVALID_ARGUMENT still the old one.
  void init(InstanceKey key, core::Metadata metadata, InitCallPtr call, Done done);
  /// The caller of that Init gave up and does not see its answer: the instance that this Init made
  /// or is making is closed, so that no instance is left that no caller knows of.
  void cancel(const InstanceKey& key, const InitCallPtr& call);

  /// The key's instance. FAILED_PRECONDITION before a successful Init, with a text for the user
  /// that says what to do; UNAVAILABLE while Init runs, or while stopping.
  base::Result<InstancePtr> find(const InstanceKey& key);
  /// The key's instance or null: for calls that are allowed before Init.
  InstancePtr find_if_any(const InstanceKey& key) const;

  /// As find(); from now on the stream is ended when the instance is replaced or closed.
  base::Result<InstancePtr> attach(const InstanceKey& key, std::shared_ptr<OpenStream> stream);
  void detach(const InstanceKey& key, const std::shared_ptr<OpenStream>& stream);

  struct Entry {
    std::string name;
    InstancePtr instance;
  };
  /// Without those that are kept for a connection.
  std::vector<Entry> instances() const;

  /// The mark of the Init that made the key's instance; empty if there is none.
  std::string mark_of(const InstanceKey& key) const;
  const InitMarks& marks() const { return marks_; }
  /// Whether one of the instances has this mark.
  bool has_mark(std::string_view mark) const;
  MissedInits& missed_inits() { return missed_; }

  /// From now on new calls get UNAVAILABLE; calls that have begun go on.
  void refuse_new_calls();
  /// Blocks until nothing is in flight or the deadline has passed.
  void drain(base::TimePoint deadline);
  /// Ends all streams, closes all instances and blocks until they are gone, including those that
  /// are still being made (for their connectTimeout at most). An instance that does not report its
  /// close within some seconds is named in the log and destroyed without waiting for it.
  void stop();

 private:
  struct InitRequest {
    core::Metadata metadata;
    InitCallPtr call;
    Done done;
  };
  struct Slot {
    InstancePtr instance;
    std::string mark;
    /// The Init that made the instance, until another Init has also succeeded with it.
    InitCallPtr made_by;
    bool initialising = false;
    std::deque<InitRequest> waiting;
    std::set<std::shared_ptr<OpenStream>> streams;
    base::TimePoint last_used{};  ///< by a call, or by a stream that has ended
  };
  struct Connection {
    PeerProcess peer;
    std::map<std::string, Slot, std::less<>> slots;
  };
  /// An instance that is kept for its process's next connection.
  struct Idle {
    std::shared_ptr<const PeerProcess> process;
    std::string name;
    Slot slot;
  };

  void begin_init(const InstanceKey& key, InitRequest request);
  bool has_same_already(const InstanceKey& key, const InitRequest& request);
  void created(const InstanceKey& key, InitRequest request, base::Result<InstancePtr> result);
  void finish_init(const InstanceKey& key, InitRequest request, const base::Status& status);
  /// Removes the slot's instance and streams, and returns them.
  static Slot take_instance(Slot& slot);
  void retire(Slot slot, const std::string& name, const base::Status& status);
  void close(const std::string& name, InstancePtr instance);
  void closed(std::uint64_t id);
  void change_ended();
  base::Result<InstancePtr> find_locked(const InstanceKey& key) DM_REQUIRES(mutex_);
  bool is_idle(const Slot& slot) const;
  /// Gives the key the instance that is kept for it, if there is exactly one. Null: none.
  Slot* take_idle(const InstanceKey& key) DM_REQUIRES(mutex_);
  /// Closes the kept instances whose process has ended, and those with the client ID of an instance
  /// that is to be made with `metadata`.
  void close_idle(const core::Metadata* metadata);
  void look_at_idle_later() DM_REQUIRES(mutex_);
  Slot* slot_of(const InstanceKey& key) DM_REQUIRES(mutex_);
  const Slot* slot_of(const InstanceKey& key) const DM_REQUIRES(mutex_);

  instance::InstanceFactory& factory_;
  const base::Duration idle_after_;
  const base::Log log_;
  InitMarks marks_;
  MissedInits missed_;

  mutable base::Mutex mutex_;  // held while missed_ posts its task
  base::CondVar changed_;
  std::unordered_map<ConnectionId, Connection> connections_ DM_GUARDED_BY(mutex_);
  std::list<Idle> idle_ DM_GUARDED_BY(mutex_);
  bool looks_at_idle_ DM_GUARDED_BY(mutex_) = false;  ///< a timer is set
  bool stopping_ DM_GUARDED_BY(mutex_) = false;
  /// How many instances are being created, or were taken out of their slots and are not in closing_
  /// yet.
  std::size_t changing_ DM_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_closing_ DM_GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, Entry> closing_ DM_GUARDED_BY(mutex_);

  base::Worker reaper_{"dapr-reaper"};  // last, since its tasks use the members above
};

}  // namespace dapr_mqtt::dapr
