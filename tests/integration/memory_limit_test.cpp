// Publishes that are large for the memory of the process.
#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

/// A line of /proc/<pid>/status, in MiB.
long mib_of(pid_t pid, const std::string& key) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    long value = 0;
    if (word == key + ":" && status >> value) return value / 1024;
  }
  return -1;
}

/// A control group of version 2 with a memory limit; only where the root group lends one.
class ControlGroup {
 public:
  /// Why there cannot be one; none when there can.
  static std::optional<std::string> why_unavailable() {
    std::ifstream controllers("/sys/fs/cgroup/cgroup.subtree_control");
    for (std::string name; controllers >> name;) {
      if (name != "memory") continue;
      if (::access("/sys/fs/cgroup", W_OK) == 0 && ::geteuid() == 0) return std::nullopt;
      return "/sys/fs/cgroup can be written by root alone";
    }
    return "no memory controller of cgroup version 2 in /sys/fs/cgroup/cgroup.subtree_control";
  }
  explicit ControlGroup(const std::string& limit)
      : path_("/sys/fs/cgroup/dapr-mqtt-test-" + std::to_string(::getpid())) {
    std::filesystem::create_directory(path_);
    std::ofstream(path_ + "/memory.max") << limit;
    std::ofstream(path_ + "/memory.swap.max") << "0";
  }
  ~ControlGroup() { ::rmdir(path_.c_str()); }  // empty: its processes have ended
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;

  /// A script that runs `executable` in the group.
  std::string wrap(const std::string& executable, const std::string& folder) const {
    std::string script = folder + "/in_group";
    std::ofstream(script) << "#!/bin/sh\necho $$ > " << path_ << "/cgroup.procs\nexec "
                          << executable << " \"$@\"\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    return script;
  }

 private:
  const std::string path_;
};

class MemoryLimit : public ComponentTest {
 protected:
  void SetUp() override {
    DAPR_MQTT_NEEDS_MOSQUITTO();
    broker = std::make_unique<Mosquitto>(broker_options());
  }
  void start(const std::string& limit) {
    component = std::make_unique<ComponentProcess>(
        ComponentOptions{.arguments = {"--memory-limit", limit}});
  }
  /// The highest that it had, files and libraries included.
  long peak() const { return mib_of(component->process().pid(), "VmHWM"); }
  void expect_peak_below(long mib) const {
    std::cout << "peak: " << peak() << " MiB\n";
    EXPECT_LT(peak(), mib);
  }
  static std::string payload(std::size_t mib) { return std::string(mib * kMiB, 'x'); }

  /// That many callers at once.
  std::vector<grpc::Status> publish_at_once(ComponentClient& client, std::size_t callers,
                                            std::size_t mib) {
    const std::string data = payload(mib);
    std::vector<std::future<grpc::Status>> calls;
    for (std::size_t i = 0; i < callers; ++i) {
      calls.push_back(std::async(std::launch::async, [&client, &data, i] {
        return client.publish("large/" + std::to_string(i), data);
      }));
    }
    std::vector<grpc::Status> answers;
    for (auto& call : calls) answers.push_back(call.get());
    return answers;
  }
  void expect_all_as_before(ComponentClient& client) {
    EXPECT_TRUE(client.publish("t", "x").ok());
    const grpc::Status large = client.publish("t", payload(16));
    EXPECT_TRUE(large.ok()) << large.error_message();
    EXPECT_TRUE(component->process().running());
  }
};

TEST_F(MemoryLimit, A_publish_of_64_MiB_is_served_in_256_MiB) {
  start("256Mi");
  const auto client = connect();
  for (int i = 0; i < 3; ++i) {
    const grpc::Status status = client->publish("t", payload(64));
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  expect_peak_below(256);
}

TEST_F(MemoryLimit, The_largest_publishes_are_those_of_the_docs) {
  struct Row {
    const char* limit;
    long limit_mib;
    std::size_t largest_mib;
  };
  for (const Row& row : {Row{"64Mi", 64, 11}, Row{"128Mi", 128, 31}, Row{"256Mi", 256, 76},
                         Row{"512Mi", 512, 153}}) {
    SCOPED_TRACE(row.limit);
    start(row.limit);
    const auto client = connect();
    const grpc::Status fits = client->publish("t", payload(row.largest_mib));
    EXPECT_TRUE(fits.ok()) << fits.error_message();
    const grpc::Status larger = client->publish("t", payload(row.largest_mib + 1));
    EXPECT_EQ(larger.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_THAT(larger.error_message(), HasSubstr("never fits"));
    expect_peak_below(row.limit_mib);
  }
}

TEST_F(MemoryLimit, A_publish_that_never_fits_is_refused_and_harms_no_other) {
  start("128Mi");
  const auto client = connect();
  const auto other = connect(metadata({{"consumerID", "other"}}), "other");
  const auto stream = other->pull("small");
  ASSERT_TRUE(other->publish("small", "before").ok());
  ASSERT_TRUE(stream->next());

  std::atomic<bool> done{false};
  auto large = std::async(std::launch::async, [&] {
    const grpc::Status status = client->publish("t", payload(200));
    done = true;
    return status;
  });
  do {
    const grpc::Status status = other->publish("elsewhere", "x");
    ASSERT_TRUE(status.ok()) << status.error_message();
  } while (!done);
  const grpc::Status status = large.get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("128.0 MiB (--memory-limit)"));
  EXPECT_THAT(status.error_message(), HasSubstr("raise the container's memory limit"));
  std::cout << status.error_message() << "\n";
  expect_peak_below(128);
  ASSERT_TRUE(other->publish("small", "after").ok());
  EXPECT_TRUE(stream->next());
  expect_all_as_before(*client);
}

TEST_F(MemoryLimit, Publishes_of_64_MiB_are_served_in_1_GiB) {
  start("1Gi");
  const auto client = connect();
  for (int i = 0; i < 3; ++i) {
    const grpc::Status status = client->publish("t", payload(64));
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  const grpc::Status largest = client->publish("t", payload(200));
  EXPECT_TRUE(largest.ok()) << largest.error_message();
  std::cout << "peak: " << peak() << " MiB\n";  // not bounded by less than the machine's
}

TEST_F(MemoryLimit, Sixteen_callers_with_32_MiB_each_stay_within_256_MiB) {
  start("256Mi");
  const auto client = connect();
  for (int round = 0; round < 3; ++round) {
    std::size_t refused = 0;
    for (const grpc::Status& status : publish_at_once(*client, 16, 32)) {
      if (status.ok()) continue;
      ++refused;
      EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
          << status.error_message();
    }
    EXPECT_GT(refused, 0U);
    std::cout << "refused: " << refused << "\n";
    expect_peak_below(256);
    expect_all_as_before(*client);
  }
}

TEST_F(MemoryLimit, The_kernel_does_not_end_a_process_in_a_control_group_of_256_MiB) {
  if (const auto reason = ControlGroup::why_unavailable()) GTEST_SKIP() << *reason;
  const TemporaryFolder folder;
  const ControlGroup group("256M");
  component = std::make_unique<ComponentProcess>(
      ComponentOptions{.executable = group.wrap(ComponentProcess::executable(), folder.path())});
  const auto client = connect();
  EXPECT_TRUE(client->publish("t", payload(64)).ok());
  for (const grpc::Status& status : publish_at_once(*client, 16, 32)) {
    if (!status.ok()) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
          << status.error_message();
    }
  }
  expect_all_as_before(*client);
  component.reset();  // before its group
}

}  // namespace
}  // namespace dapr_mqtt::testing
