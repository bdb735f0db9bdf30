// What the user asked for, checked and typed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dapr_mqtt/base/secret.h"
#include "dapr_mqtt/observability/dapr_logger.h"
#include "dapr_mqtt/observability/http_endpoint.h"
#include "dapr_mqtt/sidecar/healer.h"

namespace dapr_mqtt::app {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

struct ServeCommand {
  std::string socket;  ///< <folder>/<name>.sock
  mode_t socket_mode = 0600;
  std::vector<uid_t> allowed_uids;  ///< besides our own and root
  bool allow_any_uid = false;
  /// Possible folders for inboxes, the best first; only one if the user has named it.
  std::vector<std::string> state_dirs;
  std::optional<std::size_t> memory_limit;  ///< bytes; none: the container's
  std::chrono::milliseconds drain_timeout{5000};
  std::optional<observability::HttpAddress> metrics;  ///< none: no HTTP
  observability::LogOptions log;
  std::string notify_socket;  ///< systemd's; empty: none
  /// For daprds that have missed a restart of this process.
  sidecar::Remedy remedy = sidecar::Remedy::kReload;
  std::vector<sidecar::Address> daprd_addresses;
  base::Secret daprd_token;  ///< for their HTTP API
};

struct ValidateCommand {
  std::vector<std::string> files;  ///< "-": standard input
  std::string socket_name = "mqtt";
  bool json = false;
  bool strict = false;
};

struct CheckCommand {
  std::string target;     ///< a URL, a file, or "-"
  std::string component;  ///< its name, if the file has several
  std::string topic;      ///< empty: one of its own
  std::chrono::milliseconds timeout{5000};
  bool json = false;
};

struct ProbeStatusCommand {
  std::string socket;
  std::chrono::milliseconds timeout{2000};
  bool wait = false;   ///< for a component that does not serve yet
  bool alive = false;  ///< do not ask whether a daprd has missed its restart
  bool json = false;
};

/// The broker that a probe's instance uses: either a URL, or a Component in a file.
struct ProbeTarget {
  std::string url;
  std::string file;
  std::string component;
};

struct ProbePublishCommand {
  std::string socket;
  ProbeTarget target;
  std::string topic;
  std::optional<std::string> data;  ///< none: standard input
  std::string qos = "1";
  bool retain = false;
  std::chrono::milliseconds timeout{10000};
};

struct ProbeSubscribeCommand {
  std::string socket;
  ProbeTarget target;
  std::string filter;
  std::string qos = "1";
  std::optional<std::size_t> count;
  std::optional<std::string> failure;  ///< each message is answered with this error
  std::optional<std::chrono::milliseconds> timeout;
  bool json = false;
};

struct ProbeRoundTripCommand {
  std::string socket;
  std::string url;
  std::string topic;  ///< empty: one of its own
  std::size_t count = 1;
  std::chrono::milliseconds timeout{10000};
};

/// Nothing to run: help, version, a document, or a usage error.
struct PrintCommand {
  std::string text;
  int exit_code = 0;  ///< not 0: `text` is for standard error
};

using Command =
    std::variant<ServeCommand, ValidateCommand, CheckCommand, ProbeStatusCommand,
                 ProbePublishCommand, ProbeSubscribeCommand, ProbeRoundTripCommand, PrintCommand>;

}  // namespace dapr_mqtt::app
