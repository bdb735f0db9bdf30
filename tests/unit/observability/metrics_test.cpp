#include "dapr_mqtt/observability/metrics.h"

#include <gmock/gmock.h>

#include <set>
#include <sstream>

namespace dapr_mqtt::observability {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

// The wall clock was set after the start of the process.
const base::WallTime kWallNow{seconds(1'700'000'000)};
const base::WallTime kNow = kWallNow - std::chrono::hours(24);
const base::ClockReading kClocks{kWallNow, kNow};

struct Page : ::testing::Test {
  core::Counters counters;
  MetricsPage page{{"1.2.3", "abc"}, {}, kClocks};

  InstanceReading instance(std::string component = "orders", std::string consumer = "shop") {
    return {std::move(component), std::move(consumer), counters, {}, {}, {}, {}, {}, true, true};
  }
  std::string text() {
    page.add(instance());
    return page.text();
  }
};

constexpr const char* kLabels = R"({component="orders",consumer_id="shop")";

TEST_F(Page, shows_version_and_no_instances_before_the_first_Init) {
  EXPECT_EQ(page.text(),
            "# HELP dapr_mqtt_build_info 1, with version and commit.\n"
            "# TYPE dapr_mqtt_build_info gauge\n"
            "dapr_mqtt_build_info{version=\"1.2.3\",commit=\"abc\"} 1\n"
            "# HELP dapr_mqtt_instances Initialised Components of all daprds.\n"
            "# TYPE dapr_mqtt_instances gauge\n"
            "dapr_mqtt_instances 0\n");
}

TEST_F(Page, counts_publishes_by_their_answer_with_their_bytes) {
  core::bump(counters.published, 3);
  core::bump(counters.published_bytes, 300);
  core::bump(counters.publish_failed);
  core::bump(counters.publish_queue_full, 2);
  const std::string shown = text();
  EXPECT_THAT(
      shown, HasSubstr(std::string("dapr_mqtt_publishes_total") + kLabels + ",result=\"ok\"} 3\n"));
  EXPECT_THAT(shown, HasSubstr(",result=\"failed\"} 1\n"));
  EXPECT_THAT(shown, HasSubstr(",result=\"rejected\"} 2\n"));
  EXPECT_THAT(shown,
              HasSubstr(std::string("dapr_mqtt_published_bytes_total") + kLabels + "} 300\n"));
}

TEST_F(Page, shows_histograms_with_buckets_that_add_up) {
  counters.publish_time.observe(milliseconds(1));
  counters.publish_time.observe(milliseconds(2));
  counters.publish_time.observe(seconds(100));
  const std::string shown = text();
  const std::string bucket = std::string("dapr_mqtt_publish_duration_seconds_bucket") + kLabels;
  EXPECT_THAT(shown, HasSubstr(bucket + ",le=\"0.0005\"} 0\n"));
  EXPECT_THAT(shown, HasSubstr(bucket + ",le=\"0.001\"} 1\n"));
  EXPECT_THAT(shown, HasSubstr(bucket + ",le=\"0.0025\"} 2\n"));
  EXPECT_THAT(shown, HasSubstr(bucket + ",le=\"60\"} 2\n"));
  EXPECT_THAT(shown, HasSubstr(bucket + ",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(shown, HasSubstr(std::string("dapr_mqtt_publish_duration_seconds_sum") + kLabels +
                               "} 100.003\n"));
  EXPECT_THAT(shown, HasSubstr(std::string("dapr_mqtt_publish_duration_seconds_count") + kLabels +
                               "} 3\n"));
}

TEST_F(Page, names_what_the_broker_does_not_acknowledge) {
  InstanceReading reading = instance();
  reading.missing_answers = {{"SUBACK", "a/#", std::chrono::seconds(20)}};
  page.add(reading);
  EXPECT_THAT(page.text(), HasSubstr(std::string("dapr_mqtt_missing_acknowledgement") + kLabels +
                                     ",packet=\"SUBACK\",name=\"a/#\"} 1\n"));
}

TEST_F(Page, shows_what_the_inbox_holds_and_how_old_it_is) {
  InstanceReading reading = instance();
  reading.inbox = {7, 900};
  reading.inbox_limits = {1000, 65536};
  reading.oldest_received = kNow - milliseconds(1500);
  page.add(reading);
  const std::string shown = page.text();
  EXPECT_THAT(shown, HasSubstr(std::string("dapr_mqtt_inbox_messages") + kLabels + "} 7\n"));
  EXPECT_THAT(shown, HasSubstr(std::string("dapr_mqtt_inbox_bytes") + kLabels + "} 900\n"));
  EXPECT_THAT(shown, HasSubstr(std::string("dapr_mqtt_inbox_max_messages") + kLabels + "} 1000\n"));
  EXPECT_THAT(shown,
              HasSubstr(std::string("dapr_mqtt_inbox_oldest_age_seconds") + kLabels + "} 1.5\n"));
}

TEST_F(Page, shows_no_age_of_a_message_from_the_future) {
  InstanceReading reading = instance();  // the clock was set back
  reading.oldest_received = kNow + seconds(5);
  page.add(reading);
  EXPECT_THAT(page.text(),
              HasSubstr(std::string("dapr_mqtt_inbox_oldest_age_seconds") + kLabels + "} 0\n"));
}

TEST_F(Page, shows_when_a_certificate_expires_by_the_wall_clock) {
  InstanceReading reading = instance();
  reading.credentials.expiries = {
      {core::CredentialExpiry::What::kClientCertificate, kWallNow + seconds(600)}};
  page.add(reading);
  EXPECT_THAT(page.text(), HasSubstr("credential=\"client_certificate\"} 600\n"));
}

TEST_F(Page, tells_connections_that_are_up_from_those_that_should_be) {
  core::set(counters.consumers, 2);
  core::set(counters.consumers_up, 1);
  const std::string shown = text();
  EXPECT_THAT(shown, HasSubstr(",role=\"publisher\",state=\"up\"} 1\n"));
  EXPECT_THAT(shown, HasSubstr(",role=\"publisher\",state=\"down\"} 0\n"));
  EXPECT_THAT(shown, HasSubstr(",role=\"consumer\",state=\"up\"} 1\n"));
  EXPECT_THAT(shown, HasSubstr(",role=\"consumer\",state=\"down\"} 1\n"));
}

TEST_F(Page, escapes_names_that_came_from_outside) {
  page.add(instance("a\"b\\c\nd"));
  EXPECT_THAT(page.text(), HasSubstr(R"(component="a\"b\\c\nd")"));
}

TEST_F(Page, shows_each_family_and_each_series_once_however_many_instances_there_are) {
  core::bump(counters.published, 2);
  counters.publish_time.observe(seconds(1));
  page.add(instance());
  page.add(instance());  // the same Component in a second daprd
  page.add(instance("other"));
  std::set<std::string> seen;
  std::istringstream lines(page.text());
  for (std::string line; std::getline(lines, line);) {
    const std::string key = line.substr(0, line.rfind(' '));
    if (!line.starts_with("# HELP")) {
      EXPECT_TRUE(seen.insert(key).second) << line;
    }
  }
  EXPECT_THAT(page.text(), HasSubstr(std::string("dapr_mqtt_publishes_total") + kLabels +
                                     ",result=\"ok\"} 4\n"));
  EXPECT_THAT(page.text(), HasSubstr(std::string("dapr_mqtt_publish_duration_seconds_count") +
                                     kLabels + "} 2\n"));
  EXPECT_THAT(page.text(), HasSubstr("dapr_mqtt_instances 3\n"));
}

TEST_F(Page, shows_two_instances_of_one_name_as_not_ready_when_either_is_not) {
  InstanceReading sick = instance();
  sick.ready = false;
  page.add(instance());
  page.add(sick);
  EXPECT_THAT(page.text(), HasSubstr(std::string("dapr_mqtt_ready") + kLabels + "} 0\n"));
}

TEST(ProcessReading, has_what_the_kernel_tells_of_this_process) {
  const ProcessReading process = read_process();
  ASSERT_TRUE(process.cpu_seconds && process.resident_bytes && process.open_fds &&
              process.max_fds && process.threads && process.start_time_seconds);
  EXPECT_GT(*process.resident_bytes, 1e5);
  EXPECT_GE(*process.open_fds, 3);
  EXPECT_GE(*process.threads, 1);
  EXPECT_GT(*process.start_time_seconds, 1.6e9);
}

TEST(ProcessReading, goes_by_the_names_that_Prometheus_gives_them) {
  ProcessReading process;
  process.cpu_seconds = 1.25;
  process.open_fds = 4;
  const std::string text = MetricsPage({"1", ""}, process, kClocks).text();
  EXPECT_THAT(text, HasSubstr("# TYPE process_cpu_seconds_total counter\n"
                              "process_cpu_seconds_total 1.25\n"));
  EXPECT_THAT(text, HasSubstr("\nprocess_open_fds 4\n"));
  EXPECT_THAT(text, Not(HasSubstr("process_threads")));
}

}  // namespace
}  // namespace dapr_mqtt::observability
