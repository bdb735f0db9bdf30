// The daprds beside this process: how they are found, queried and told to restart.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dapr_mqtt/base/secret.h"
#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::sidecar {

/// Where a daprd serves its HTTP API.
struct Address {
  std::string host;
  int port = 0;

  std::string text() const { return host + ":" + std::to_string(port); }
  bool operator==(const Address&) const = default;
};

/// From GET /v1.0/metadata:
/// https://docs.dapr.io/reference/api/metadata_api
struct DaprdMetadata {
  std::string app_id;
  std::string version;  ///< "1.18.1"; "edge" for a daprd without one
  std::map<std::string, std::vector<std::string>> capabilities;  ///< by Component
};

/// daprd's HTTP API. Calls block, for some seconds at most. Not thread-safe.
class DaprdApi {
 public:
  virtual ~DaprdApi() = default;

  /// UNAVAILABLE: nobody listens. DEADLINE_EXCEEDED: no answer in time. FAILED_PRECONDITION: the
  /// server is not a daprd, or refuses the call; the text says why.
  virtual base::Result<DaprdMetadata> metadata(const Address& address) = 0;
  /// POST /v1.0/shutdown: daprd stops gracefully and ends with exit code 0. Errors as above.
  virtual base::Status shutdown(const Address& address) = 0;
};

/// `token` is daprd's DAPR_API_TOKEN; empty: it has none. It is sent to `trusted` addresses only:
/// any user of this machine can run a process named daprd.
std::unique_ptr<DaprdApi> make_daprd_api(base::Secret token, std::vector<Address> trusted);

/// A daprd of this machine that this process can see.
struct DaprdProcess {
  pid_t pid = 0;
  std::string app_id;
  Address address;  ///< on the loopback interface

  bool operator==(const DaprdProcess&) const = default;
};

/// The daprds in /proc. Not thread-safe.
class DaprdProcesses {
 public:
  virtual ~DaprdProcesses() = default;

  /// Finds them by their command lines, and only in our network namespace, since in others their
  /// addresses lead elsewhere. Takes some milliseconds.
  virtual std::vector<DaprdProcess> find() = 0;
  /// Sends SIGHUP: daprd 1.18 and later restarts inside its process, an older one ends.
  /// FAILED_PRECONDITION when the process has ended (its ID may be in use again), or belongs to
  /// another user.
  virtual base::Status reload(const DaprdProcess& process) = 0;
};

std::unique_ptr<DaprdProcesses> make_daprd_processes();

}  // namespace dapr_mqtt::sidecar
