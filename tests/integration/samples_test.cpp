// Each of deploy/samples does by one command what its README says.
#include <gmock/gmock.h>
#include <unistd.h>

#include "support/component_process.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Samples : public ::testing::Test {
 protected:
  void SetUp() override { DAPR_MQTT_NEEDS_MOSQUITTO(); }
  static std::string run(const std::string& name, std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), std::string(PROJECT_ROOT) + "/deploy/samples/" + name);
    ChildProcess sample(arguments, {{"DAPR_MQTT_EXECUTABLE", ComponentProcess::executable()}});
    EXPECT_EQ(sample.wait_for_end(std::chrono::seconds(90)), 0) << sample.output();
    return sample.final_output();
  }
};

TEST_F(Samples, latency_plots_each_message) {
  EXPECT_THAT(run("latency", {"7"}), AllOf(HasSubstr("   7 "), HasSubstr("of 7 messages")));
}

TEST_F(Samples, competing_gives_each_job_to_one_replica) {
  EXPECT_THAT(run("competing", {"9"}), HasSubstr("9 jobs, 9 done, none twice"));
}

TEST_F(Samples, dead_letters_show_topic_attempts_and_error) {
  EXPECT_THAT(run("dead-letters"),
              AllOf(HasSubstr("try 2: orders/7 "), HasSubstr("\"topic\":\"orders/7\""),
                    HasSubstr("\"attempts\":2"), HasSubstr("the warehouse is closed")));
}

TEST_F(Samples, devices_need_no_line_of_conversion) {
  EXPECT_THAT(run("devices"), AllOf(HasSubstr("\"subject\":\"home/kitchen/temperature\""),
                                    HasSubstr("\"data\":21.5"), HasSubstr("\"data\":\"ON\""),
                                    HasSubstr("the lamp gets: lamps/hall ON")));
}

TEST_F(Samples, tls_checks_both_sides) {
  if (::access("/usr/bin/openssl", X_OK) != 0) GTEST_SKIP() << "needs the openssl command";
  EXPECT_THAT(run("tls"), AllOf(HasSubstr("issued by CN=Sample CA"),
                                HasSubstr("published 17 bytes"), HasSubstr("set caCert")));
}

}  // namespace
}  // namespace dapr_mqtt::testing
