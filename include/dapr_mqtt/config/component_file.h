// Component YAML as users write it, checked without a broker and without daprd.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "dapr_mqtt/config/component_settings.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::config {

enum class Severity { kError, kWarning };

/// One remark about a file, for the user.
struct Finding {
  Severity severity = Severity::kError;
  std::string file;
  std::size_t line = 0;  ///< from 1; 0: of no line
  std::size_t column = 0;
  std::string component;  ///< its metadata.name, where there is one
  std::string key;        ///< of spec.metadata, where there is one
  std::string text;       ///< holds no values of secret keys
};

/// A Component of our type that was found.
struct FoundComponent {
  std::string file;
  std::size_t line = 0;
  std::string name;
  core::Metadata metadata;                   ///< the values in the file
  std::vector<std::string> given_elsewhere;  ///< keys with secretKeyRef or envRef
  ComponentSettings settings;                ///< to be used only if there are no problems
  bool good = false;                         ///< no problems, and all values are in the file
};

struct FilesReport {
  std::vector<Finding> findings;  ///< in the order of files and lines
  std::vector<FoundComponent> components;
};

struct SourceFile {
  std::string name;  ///< for the findings
  std::string text;
};

/// Checks all Components of type pubsub.<socket name> in these files (YAML or JSON, any
/// number of documents, lists), as daprd would read them and as Init would check
/// their metadata, and for common mistakes. Other resources are read only for
/// these: the replicas of a Deployment, the metadata of a Subscription.
/// Thread-safe; safe for hostile input. No I/O.
FilesReport check_component_files(std::span<const SourceFile> files,
                                  const std::string& socket_name = "mqtt");

}  // namespace dapr_mqtt::config
