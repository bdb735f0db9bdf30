// What is measured: our component, the peers, and the floors under both.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/child_process.h"
#include "support/component_client.h"

namespace dapr_mqtt::bench {

/// A program that serves Dapr's PubSub protocol on a socket.
struct Program {
  enum class Kind {
    kComponent,  ///< ours: takes --socket-folder
    kServer,     ///< takes the socket's path as its one argument
  };
  Kind kind = Kind::kServer;
  std::string executable;
};

/// A row of the table: a program with metadata of its own.
struct Subject {
  std::string name;  ///< "ours", "ours, durable", "SDK peer"
  Program program;
  testing::Properties metadata;  ///< over the scenario's own
};

/// A subject that runs: its process, and a connection with an instance made.
/// Throws std::runtime_error with the program's output when it does not serve.
class Running {
 public:
  Running(const Subject& subject, const std::string& broker_url,
          const testing::Properties& metadata);

  pid_t pid() const { return process_->pid(); }
  testing::ComponentClient& client() { return *client_; }
  /// Another instance on a connection of its own, which lives as long as this.
  testing::ComponentClient& add_instance(const testing::Properties& metadata);

 private:
  std::unique_ptr<testing::ComponentClient> instance(const std::string& name,
                                                     const testing::Properties& metadata);

  testing::TemporaryFolder folder_;
  std::unique_ptr<testing::ChildProcess> process_;
  const std::string name_;
  const std::string address_;
  const testing::Properties metadata_;
  std::unique_ptr<testing::ComponentClient> client_;
  std::vector<std::unique_ptr<testing::ComponentClient>> more_;
};

}  // namespace dapr_mqtt::bench
