// Which daprds are told to restart, and which never, in virtual time.
#include "dapr_mqtt/sidecar/healer.h"

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <optional>
#include <set>

#include "support/captured_log.h"
#include "support/manual_executor.h"

namespace dapr_mqtt::sidecar {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Marks of our socket: of a former process, of this one, and one of another socket.
const std::string kFormer = "MARK_ours_former_1";
const std::string kCurrent = "MARK_ours_now_1";
const std::string kForeign = "MARK_other_former_1";

DaprdMetadata daprd_with(const std::string& mark, const std::string& version = "1.18.1") {
  return {"greeter", version, {{"pubsub", {"BULK_PUBSUB", mark}}, {"store", {"ETAG"}}}};
}

struct FakeApi final : DaprdApi {
  base::Result<DaprdMetadata> metadata(const Address& address) override {
    ++looks;
    looked_at.insert(address.text());
    const auto found = daprds.find(address.port);
    return found != daprds.end() ? found->second : base::unavailable("nobody listens");
  }
  base::Status shutdown(const Address& address) override {
    if (told) told();
    shut_down.push_back(address.port);
    return {};
  }
  std::map<int, base::Result<DaprdMetadata>> daprds;  // by port
  std::vector<int> shut_down;
  std::function<void()> told;
  int looks = 0;
  std::set<std::string> looked_at;
};

struct FakeProcesses final : DaprdProcesses {
  std::vector<DaprdProcess> find() override { return all; }
  base::Status reload(const DaprdProcess& process) override {
    if (told) told();
    reloaded.push_back(process.pid);
    return answer;
  }
  std::vector<DaprdProcess> all;
  std::vector<pid_t> reloaded;
  std::function<void()> told;
  base::Status answer;
};

struct FakeServed final : ServedInits {
  std::string mark_prefix() const override { return "MARK_ours_"; }
  bool has_mark(std::string_view mark) const override { return mark == kCurrent; }
  bool any_mark() const override { return any; }
  base::Status missed_restart() const override {
    return notice.empty() ? missed : base::failed_precondition(notice);
  }
  void set_missed_restart(std::string text, bool init_expected) override {
    notice = std::move(text);
    expected = init_expected;
    if (on_notice) on_notice();
  }
  std::function<void()> on_notice;
  std::string notice;
  base::Status missed;
  bool any = true;
  bool expected = false;
};

class HealerTest : public ::testing::Test {
 protected:
  void start(Remedy remedy, std::vector<Address> addresses = {{"127.0.0.1", 3500}}) {
    healer_.emplace(HealerOptions{remedy, std::move(addresses)}, served_, api_, processes_,
                    executor_, base::Log(log_));
    executor_.run();
  }
  void visible(pid_t pid, int port, const std::string& app = "greeter") {
    processes_.all.push_back({pid, app, {"127.0.0.1", port}});
  }
  bool logged(const std::string& part) const { return log_.contains(part); }

  testing::ManualExecutor executor_;
  testing::CapturedLog log_;
  FakeApi api_;
  FakeProcesses processes_;
  FakeServed served_;
  std::optional<Healer> healer_;
};

TEST_F(HealerTest, Daprd_that_missed_the_restart_is_reloaded_and_reported_when_it_works_again) {
  visible(12, 3500);
  api_.daprds.emplace(3500, daprd_with(kFormer));
  start(Remedy::kReload);
  EXPECT_THAT(processes_.reloaded, IsEmpty()) << "one look is no proof";
  EXPECT_EQ(served_.notice, "");
  executor_.advance(seconds(1));
  EXPECT_THAT(processes_.reloaded, ElementsAre(12));
  EXPECT_THAT(served_.notice, AllOf(HasSubstr("greeter"), HasSubstr("\"pubsub\""),
                                    HasSubstr("SIGHUP"), HasSubstr("try again")));
  EXPECT_TRUE(served_.expected);
  api_.daprds.clear();  // it restarts
  executor_.advance(seconds(1));
  EXPECT_NE(served_.notice, "");
  api_.daprds.emplace(3500, DaprdMetadata{"greeter", "1.18.1", {}});  // no Component loaded yet
  executor_.advance(seconds(1));
  EXPECT_NE(served_.notice, "");
  api_.daprds.at(3500) = daprd_with(kCurrent);
  executor_.advance(seconds(5));
  EXPECT_EQ(served_.notice, "");
  EXPECT_FALSE(served_.expected);
  EXPECT_TRUE(logged("has called Init again"));
  EXPECT_THAT(processes_.reloaded, SizeIs(1));
  EXPECT_FALSE(executor_.has_timer()) << "nothing is left to look at";
}

TEST_F(HealerTest, Visible_daprd_is_called_at_the_loopback_address_that_the_user_has_named) {
  for (const int port : {3500, 3501, 3502}) {
    visible(port, port);
    api_.daprds.emplace(port, daprd_with(kFormer));
  }
  start(Remedy::kReload, {{"localhost", 3500}, {"LocalHost", 3501}, {"::1", 3502}});
  executor_.advance(seconds(1));
  EXPECT_THAT(api_.looked_at, ElementsAre("::1:3502", "LocalHost:3501", "localhost:3500"));
  EXPECT_THAT(processes_.reloaded, ElementsAre(3500, 3501, 3502));
  EXPECT_FALSE(logged("cannot be seen"));
}

TEST_F(HealerTest, Recovered_daprd_is_reported_when_callers_and_probes_see_it_too) {
  api_.daprds.emplace(3500, daprd_with(kFormer));
  start(Remedy::kNone);
  executor_.advance(seconds(1));
  EXPECT_NE(served_.notice, "");
  healer_->look_soon();  // a call comes meanwhile
  executor_.run();
  api_.daprds.clear();
  api_.daprds.emplace(3500, daprd_with(kCurrent));
  bool logged_too_early = false;
  served_.on_notice = [&] { logged_too_early = logged("has called Init again"); };
  executor_.advance(seconds(5));
  EXPECT_EQ(served_.notice, "");
  EXPECT_TRUE(logged("has called Init again")) << log_.text();
  EXPECT_FALSE(logged_too_early);
  EXPECT_FALSE(logged("No daprd was found")) << log_.text();
}

TEST_F(HealerTest, First_look_is_enough_before_there_was_an_Init) {
  visible(12, 3500);
  api_.daprds.emplace(3500, daprd_with(kFormer));
  served_.any = false;
  start(Remedy::kReload);
  EXPECT_THAT(processes_.reloaded, ElementsAre(12));
}

TEST_F(HealerTest, Init_is_expected_from_before_daprd_is_told) {
  visible(12, 3500);
  api_.daprds.emplace(3500, daprd_with(kFormer));
  served_.any = false;
  int told = 0;
  api_.told = processes_.told = [&] {
    ++told;
    EXPECT_TRUE(served_.expected);
  };
  for (const Remedy remedy : {Remedy::kReload, Remedy::kShutdown}) {
    served_.expected = false;
    start(remedy);
  }
  EXPECT_EQ(told, 2);
}

TEST_F(HealerTest, Daprd_is_shut_down_where_that_is_asked_for) {
  api_.daprds.emplace(3500, daprd_with(kFormer, "1.12.0"));
  start(Remedy::kShutdown);
  executor_.advance(seconds(1));
  EXPECT_THAT(api_.shut_down, ElementsAre(3500));
  EXPECT_THAT(processes_.reloaded, IsEmpty());
  api_.daprds.at(3500) = daprd_with(kCurrent, "1.12.0");
  executor_.advance(seconds(5));
  EXPECT_EQ(served_.notice, "");
}

TEST_F(HealerTest, Daprd_with_an_Init_of_ours_is_left_alone_and_looked_at_once) {
  visible(12, 3500);
  api_.daprds.emplace(3500, daprd_with(kCurrent));
  start(Remedy::kReload);
  executor_.advance(seconds(60));
  EXPECT_EQ(api_.looks, 1);
  EXPECT_THAT(processes_.reloaded, IsEmpty());
}

TEST_F(HealerTest, Daprd_of_another_socket_is_never_touched) {
  visible(12, 3500);
  visible(13, 3501);
  visible(14, 3502);
  api_.daprds.emplace(3500, daprd_with(kForeign));
  api_.daprds.emplace(3501, DaprdMetadata{"other", "1.18.1", {{"store", {"ETAG"}}}});
  api_.daprds.emplace(3502, base::failed_precondition("the server there is not a daprd"));
  for (const Remedy remedy : {Remedy::kReload, Remedy::kShutdown}) {
    start(remedy);
    healer_->look_soon();
    executor_.advance(seconds(120));
  }
  EXPECT_THAT(processes_.reloaded, IsEmpty());
  EXPECT_THAT(api_.shut_down, IsEmpty());
}

TEST_F(HealerTest, Nothing_is_done_where_healing_is_off_but_it_is_told) {
  visible(12, 3500);
  api_.daprds.emplace(3500, daprd_with(kFormer));
  start(Remedy::kNone);
  executor_.advance(seconds(120));
  EXPECT_THAT(processes_.reloaded, IsEmpty());
  EXPECT_THAT(api_.shut_down, IsEmpty());
  EXPECT_THAT(served_.notice, HasSubstr("restart daprd"));
  EXPECT_FALSE(served_.expected);
  EXPECT_EQ(log_.count("restart daprd"), 1U);
  api_.daprds.at(3500) = daprd_with(kCurrent);  // someone has restarted it
  executor_.advance(seconds(5));
  EXPECT_EQ(served_.notice, "");
  EXPECT_TRUE(logged("has called Init again"));
}

TEST_F(HealerTest, Daprd_that_SIGHUP_would_end_is_not_signalled) {
  for (const char* version : {"1.17.9", "edge", "", "0.99.0"}) {
    api_.daprds.clear();
    processes_.all.clear();
    visible(12, 3500);
    api_.daprds.emplace(3500, daprd_with(kFormer, version));
    start(Remedy::kReload);
    executor_.advance(seconds(2));
    EXPECT_THAT(served_.notice, HasSubstr("1.18 and later")) << version;
  }
  EXPECT_THAT(processes_.reloaded, IsEmpty());
}

TEST_F(HealerTest, Daprd_whose_process_cannot_be_seen_or_is_of_another_app_is_not_signalled) {
  api_.daprds.emplace(3500, daprd_with(kFormer));
  start(Remedy::kReload);
  executor_.advance(seconds(1));
  EXPECT_THAT(served_.notice, HasSubstr("cannot be seen"));
  visible(12, 3500, "another-app");
  executor_.advance(seconds(10));
  EXPECT_THAT(processes_.reloaded, IsEmpty());
}

TEST_F(HealerTest, Refused_signal_is_told_once) {
  visible(12, 3500);
  processes_.answer = base::failed_precondition("cannot signal its process 12: not permitted");
  api_.daprds.emplace(3500, daprd_with(kFormer));
  start(Remedy::kReload);
  executor_.advance(seconds(100));
  EXPECT_THAT(served_.notice, AllOf(HasSubstr("restart daprd"), HasSubstr("not permitted")));
  EXPECT_EQ(log_.count("not permitted"), 1U);
}

TEST_F(HealerTest, Old_mark_during_a_reload_is_no_reason) {
  visible(12, 3500);
  api_.daprds.emplace(3500, daprd_with(kFormer));
  start(Remedy::kReload);
  api_.daprds.at(3500) = daprd_with(kCurrent);
  executor_.advance(seconds(60));
  EXPECT_THAT(processes_.reloaded, IsEmpty());
  EXPECT_EQ(served_.notice, "");
}

TEST_F(HealerTest, Two_daprds_are_each_healed) {
  visible(12, 3500, "greeter");
  visible(13, 3600, "greeter");
  api_.daprds.emplace(3500, daprd_with(kFormer));
  api_.daprds.emplace(3600, daprd_with(kFormer));
  start(Remedy::kReload);
  executor_.advance(seconds(1));
  EXPECT_THAT(processes_.reloaded, ElementsAre(12, 13));
  api_.daprds.at(3500) = daprd_with(kCurrent);
  executor_.advance(seconds(5));
  EXPECT_THAT(served_.notice, AllOf(HasSubstr("3600"), Not(HasSubstr("3500"))));
  api_.daprds.at(3600) = daprd_with(kCurrent);
  executor_.advance(seconds(5));
  EXPECT_EQ(served_.notice, "");
}

TEST_F(HealerTest, Daprd_that_goes_on_as_before_is_told_again) {
  api_.daprds.emplace(3500, daprd_with(kFormer));
  start(Remedy::kShutdown);
  executor_.advance(seconds(20));
  EXPECT_THAT(api_.shut_down, SizeIs(1));
  executor_.advance(seconds(20));
  EXPECT_THAT(api_.shut_down, SizeIs(2));
}

TEST_F(HealerTest, Daprd_that_does_not_answer_yet_is_waited_for) {
  visible(12, 3500);
  api_.daprds.emplace(3500, base::deadline_exceeded("no answer"));
  start(Remedy::kReload);
  executor_.advance(seconds(30));
  api_.daprds.at(3500) = daprd_with(kFormer);
  executor_.advance(seconds(15));
  EXPECT_THAT(processes_.reloaded, ElementsAre(12));
}

TEST_F(HealerTest, Daprd_that_never_comes_back_is_forgotten_with_a_line) {
  api_.daprds.emplace(3500, daprd_with(kFormer));
  start(Remedy::kShutdown);
  executor_.advance(seconds(2));
  api_.daprds.clear();
  executor_.advance(seconds(100));
  EXPECT_EQ(served_.notice, "");
  EXPECT_TRUE(logged("it has ended"));
  EXPECT_FALSE(executor_.has_timer());
}

TEST_F(HealerTest, Call_without_an_Init_has_it_look_again) {
  visible(12, 3500);
  start(Remedy::kReload);
  EXPECT_FALSE(executor_.has_timer());
  api_.daprds.emplace(3500, daprd_with(kFormer));
  healer_->look_soon();
  executor_.advance(seconds(1));
  EXPECT_THAT(processes_.reloaded, ElementsAre(12));
}

TEST_F(HealerTest, Call_without_an_Init_of_a_daprd_that_is_not_found_is_told) {
  api_.daprds.emplace(3500, base::failed_precondition("daprd refuses (401)"));
  start(Remedy::kReload);
  EXPECT_FALSE(logged("401")) << "who knows what that is";
  served_.missed = base::unavailable("called without Init: component \"pubsub\"");
  healer_->look_soon();
  executor_.advance(seconds(100));
  EXPECT_EQ(log_.count("401"), 1U);
  EXPECT_TRUE(logged("--daprd-address"));
}

}  // namespace
}  // namespace dapr_mqtt::sidecar
