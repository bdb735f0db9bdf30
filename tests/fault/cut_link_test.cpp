// A link that is cut: nothing comes any more, and nobody says so. Needs root, for a network
// namespace of the test's own.
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iostream>

#include "integration/component_test.h"
#include "support/child_process.h"

namespace dapr_mqtt::testing {
namespace {

using std::chrono::seconds;

constexpr const char* kIp = "/usr/sbin/ip";
/// Of this process alone, since the same test runs beside it in other builds.
std::string address(int host) {
  const int process = ::getpid();
  return "10." + std::to_string(200 + process / 250 % 50) + "." + std::to_string(process % 250) +
         "." + std::to_string(host);
}
const std::string kOurs = address(1);
const std::string kTheirs = address(2);

/// A pair of network devices, one of them in a namespace of its own, both gone with the object.
class Link {
 public:
  Link() : name_("dm" + std::to_string(::getpid())) {
    made_ = ip({"netns", "add", name_}) &&
            ip({"link", "add", name_ + "a", "type", "veth", "peer", "name", name_ + "b", "netns",
                name_}) &&
            ip({"addr", "add", kOurs + "/30", "dev", name_ + "a"}) &&
            ip({"link", "set", name_ + "a", "up"}) && restore() &&
            ip({"-n", name_, "link", "set", name_ + "b", "up"});
  }
  ~Link() {
    ip({"link", "del", name_ + "a"});
    ip({"netns", "del", name_});
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  bool made() const { return made_; }
  const std::string& name() const { return name_; }
  /// What is sent meets nobody: no answer, no reset.
  bool cut() { return ip({"-n", name_, "addr", "flush", "dev", name_ + "b"}); }
  bool restore() { return ip({"-n", name_, "addr", "add", kTheirs + "/30", "dev", name_ + "b"}); }

 private:
  static bool ip(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), kIp);
    ChildProcess process(arguments);
    return process.wait_for_end() == 0;
  }

  const std::string name_;
  bool made_ = false;
};

class CutLink : public ComponentTest {
 protected:
  void SetUp() override {
    DAPR_MQTT_NEEDS_MOSQUITTO();
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, for a network namespace";
    link_.emplace();
    if (!link_->made()) GTEST_SKIP() << "network namespaces are not to be had here (ip netns)";
    std::ofstream(folder_.path() + "/conf")
        << "listener 1883 " << kTheirs << "\nallow_anonymous true\n";
    mosquitto_.emplace(std::vector<std::string>{kIp, "netns", "exec", link_->name(), "mosquitto",
                                                "-c", folder_.path() + "/conf"});
    ASSERT_TRUE(mosquitto_->wait_for_output("running"));
    component = std::make_unique<ComponentProcess>();
  }
  Properties far(const Properties& more) const {
    Properties all{{"url", "tcp://" + kTheirs + ":1883"},
                   {"consumerID", "app"},
                   {"qos", "1"},
                   {"keepAliveInterval", "4s"}};
    all.insert(more.begin(), more.end());
    return all;
  }

  TemporaryFolder folder_;
  std::optional<Link> link_;
  std::optional<ChildProcess> mosquitto_;
};

TEST_F(CutLink, is_found_within_one_and_a_half_keep_alives_and_all_is_back_when_it_is_mended) {
  const auto client = connect(far({{"cleanSession", "false"}}));
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", "before").ok());
  auto message = stream->next();
  ASSERT_TRUE(message);
  stream->ack(message->id());

  ASSERT_TRUE(link_->cut());
  const auto cut = std::chrono::steady_clock::now();
  ASSERT_TRUE(component->process().wait_for_output("the connection broke"));
  const auto found = std::chrono::steady_clock::now();

  ASSERT_TRUE(link_->restore());
  const auto restored = std::chrono::steady_clock::now();
  ASSERT_TRUE(client->publish("t", "after").ok());
  message = stream->next();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->data(), "after");
  stream->ack(message->id());
  const auto back = std::chrono::steady_clock::now();
  const auto ms = [](auto duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  };
  std::cout << "found after " << ms(found - cut) << " ms at a keep alive of 4 s, back "
            << ms(back - restored) << " ms after the link\n";
}

}  // namespace
}  // namespace dapr_mqtt::testing
