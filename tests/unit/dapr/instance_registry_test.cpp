// The registry without gRPC: which call gets which instance, and when an instance is closed.
#include "dapr/instance_registry.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "dapr/init_marks.h"
#include "support/captured_log.h"
#include "support/fake_instance.h"
#include "unit/dapr/temp_folder.h"

namespace dapr_mqtt::dapr {
namespace {

using base::ErrorKind;
using ::testing::AllOf;
using testing::FakeInstance;
using testing::FakeInstanceFactory;
using ::testing::HasSubstr;
using ::testing::Not;

class InstanceRegistryTest : public ::testing::Test {
 protected:
  ~InstanceRegistryTest() override { registry_->stop(); }

  /// A call of init() whose answer can be waited for.
  struct Pending {
    InstanceRegistry::InitCallPtr call = std::make_shared<InstanceRegistry::InitCall>();
    std::optional<base::Status> answer;  // under the stage's lock
  };
  std::shared_ptr<Pending> init(const InstanceKey& key, core::Metadata metadata) {
    auto pending = std::make_shared<Pending>();
    registry_->init(key, std::move(metadata), pending->call,
                    [this, pending](const base::Status& status) {
                      factory_.stage.change([&] { pending->answer = status; });
                    });
    return pending;
  }
  base::Status answer(const std::shared_ptr<Pending>& pending) {
    EXPECT_TRUE(factory_.stage.wait([&] { return pending->answer.has_value(); }));
    return pending->answer.value_or(base::internal_error("no answer"));
  }
  base::Status init_now(const InstanceKey& key, core::Metadata metadata) {
    return answer(init(key, std::move(metadata)));
  }
  bool wait_alive(std::size_t count) {
    return factory_.stage.wait([&] { return factory_.alive == count; });
  }

  testing::CapturedLog log_;
  FakeInstanceFactory factory_;
  int missed_ = 0;
  std::shared_ptr<InstanceRegistry> make(base::Duration idle_after) {
    return std::make_shared<InstanceRegistry>(
        factory_, "/nowhere/mqtt.sock", [this] { ++missed_; }, idle_after, base::Log(log_));
  }
  std::shared_ptr<InstanceRegistry> registry_ = make(std::chrono::hours(1));
};

struct FakeOpenStream final : OpenStream {
  void end(const base::Status& new_status) override { status = new_status; }
  std::optional<base::Status> status;
};

TEST_F(InstanceRegistryTest, Call_before_Init_is_told_what_to_do) {
  registry_->connection_began(1);
  const base::Status status = registry_->find({1, "orders"}).status();
  EXPECT_EQ(status.kind(), ErrorKind::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("\"orders\""));
  EXPECT_THAT(status.message(), HasSubstr("restart daprd"));
  EXPECT_THAT(registry_->find({1, ""}).status().message(), HasSubstr("without a name"));
}

TEST_F(InstanceRegistryTest, Missed_Init_is_remembered_until_it_comes_or_the_connection_ends) {
  registry_->connection_began(1);
  registry_->connection_began(2);
  MissedInits& missed = registry_->missed_inits();
  EXPECT_TRUE(missed.status().ok());
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(registry_->find({1, "a"}).ok());
  EXPECT_FALSE(registry_->attach({2, "b"}, std::make_shared<FakeOpenStream>()).ok());
  EXPECT_EQ(missed_, 2) << "once for each name";
  EXPECT_THAT(missed.status().message(), AllOf(HasSubstr("\"a\""), HasSubstr("\"b\"")));

  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  EXPECT_THAT(missed.status().message(), AllOf(Not(HasSubstr("\"a\"")), HasSubstr("\"b\"")));
  registry_->connection_ended(2);
  EXPECT_TRUE(missed.status().ok());
}

TEST_F(InstanceRegistryTest, What_is_known_of_a_missed_restart_is_told_to_callers) {
  registry_->connection_began(1);
  MissedInits& missed = registry_->missed_inits();
  missed.set_notice("daprd is being reloaded", true);
  EXPECT_EQ(missed.status().kind(), ErrorKind::kUnavailable);
  EXPECT_THAT(registry_->find({1, "a"}).status().message(), HasSubstr("is being reloaded"));
  missed.set_notice("", false);
  EXPECT_THAT(registry_->find({1, "a"}).status().message(), HasSubstr("restart daprd"));
}

TEST_F(InstanceRegistryTest, Each_Init_has_a_mark_until_its_instance_goes) {
  registry_->connection_began(1);
  EXPECT_EQ(registry_->mark_of({1, "a"}), "");
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  const std::string mark = registry_->mark_of({1, "a"});
  EXPECT_THAT(mark, ::testing::StartsWith(registry_->marks().prefix()));
  EXPECT_TRUE(registry_->has_mark(mark));
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  EXPECT_EQ(registry_->mark_of({1, "a"}), mark) << "the same metadata: the same instance";
  ASSERT_TRUE(init_now({1, "b"}, {}).ok());
  EXPECT_NE(registry_->mark_of({1, "b"}), mark);
  registry_->connection_ended(1);
  EXPECT_FALSE(registry_->has_mark(mark));
}

TEST(InitMarks, Marks_of_a_socket_begin_alike_in_every_process_and_end_differently) {
  const testing::TempFolder folder;
  const testing::TempFolder other;
  InitMarks first(folder.path() + "/mqtt.sock");
  InitMarks again(folder.path() + "/mqtt.sock");
  EXPECT_EQ(first.prefix(), again.prefix());
  EXPECT_NE(first.next(), again.next());
  EXPECT_NE(first.next(), first.next());
  EXPECT_NE(InitMarks(folder.path() + "/other.sock").prefix(), first.prefix());
  EXPECT_NE(InitMarks(other.path() + "/mqtt.sock").prefix(), first.prefix());
}

TEST_F(InstanceRegistryTest, Connection_that_is_not_there_has_no_instances) {
  EXPECT_EQ(registry_->find({7, "a"}).status().kind(), ErrorKind::kUnavailable);
  EXPECT_EQ(init_now({7, "a"}, {}).kind(), ErrorKind::kUnavailable);
  registry_->connection_ended(7);
}

TEST_F(InstanceRegistryTest, Instances_are_told_apart_by_connection_and_name) {
  registry_->connection_began(1);
  registry_->connection_began(2);
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  ASSERT_TRUE(init_now({1, ""}, {}).ok());
  ASSERT_TRUE(init_now({2, "a"}, {}).ok());
  EXPECT_NE(registry_->find({1, "a"}).value(), registry_->find({2, "a"}).value());
  EXPECT_NE(registry_->find({1, "a"}).value(), registry_->find({1, ""}).value());
  EXPECT_EQ(registry_->instances().size(), 3U);
}

TEST_F(InstanceRegistryTest, Init_with_the_same_metadata_changes_nothing) {
  registry_->connection_began(1);
  ASSERT_TRUE(init_now({1, "a"}, {{"url", "x"}}).ok());
  const auto before = registry_->find({1, "a"}).value();
  const auto stream = std::make_shared<FakeOpenStream>();
  ASSERT_TRUE(registry_->attach({1, "a"}, stream).ok());
  EXPECT_TRUE(init_now({1, "a"}, {{"url", "x"}}).ok());
  EXPECT_EQ(registry_->find({1, "a"}).value(), before);
  EXPECT_FALSE(stream->status);
  EXPECT_EQ(factory_.creates, 1);
}

TEST_F(InstanceRegistryTest, Init_with_other_metadata_ends_the_old_instance_before_the_new_begins) {
  registry_->connection_began(1);
  ASSERT_TRUE(init_now({1, "a"}, {{"url", "x"}}).ok());
  auto old = factory_.latest();
  const auto stream = std::make_shared<FakeOpenStream>();
  ASSERT_TRUE(registry_->attach({1, "a"}, stream).ok());
  factory_.behaviour.hold_creates = true;
  const auto pending = init({1, "a"}, {{"url", "y"}});
  ASSERT_TRUE(factory_.stage.wait([&] { return factory_.creates == 2; }));
  EXPECT_TRUE(old->closed);
  ASSERT_TRUE(stream->status);
  EXPECT_EQ(stream->status->kind(), ErrorKind::kUnavailable);
  EXPECT_EQ(registry_->find({1, "a"}).status().kind(), ErrorKind::kUnavailable)
      << "while Init runs";
  old.reset();
  factory_.release_creates();
  ASSERT_TRUE(answer(pending).ok());
  EXPECT_EQ(registry_->find({1, "a"}).value()->metadata().at("url"), "y");
  EXPECT_TRUE(wait_alive(1));
}

TEST_F(InstanceRegistryTest, Init_with_wrong_metadata_keeps_the_old_instance) {
  registry_->connection_began(1);
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  const auto before = registry_->find({1, "a"}).value();
  EXPECT_EQ(init_now({1, "a"}, {{"bad", "3"}}).kind(), ErrorKind::kInvalidArgument);
  EXPECT_EQ(registry_->find({1, "a"}).value(), before);
  EXPECT_FALSE(factory_.latest()->closed);
}

TEST_F(InstanceRegistryTest, Init_that_fails_leaves_the_connection_good_for_another) {
  registry_->connection_began(1);
  EXPECT_EQ(init_now({1, "a"}, {{"bad", "3"}}).kind(), ErrorKind::kInvalidArgument);
  factory_.behaviour.create_status = base::unavailable("no broker");
  EXPECT_EQ(init_now({1, "a"}, {}).message(), "no broker");
  EXPECT_EQ(registry_->find({1, "a"}).status().kind(), ErrorKind::kFailedPrecondition);
  factory_.behaviour.create_status = {};
  EXPECT_TRUE(init_now({1, "a"}, {}).ok());
}

TEST_F(InstanceRegistryTest, Inits_of_one_name_run_one_after_the_other) {
  registry_->connection_began(1);
  factory_.behaviour.hold_creates = true;
  const auto first = init({1, "a"}, {{"n", "1"}});
  const auto second = init({1, "a"}, {{"n", "2"}});
  const auto same = init({1, "a"}, {{"n", "2"}});
  EXPECT_EQ(factory_.creates, 1);
  factory_.release_creates();
  ASSERT_TRUE(answer(first).ok());
  ASSERT_TRUE(factory_.stage.wait([&] { return factory_.creates == 2; }));
  EXPECT_FALSE(second->answer);
  factory_.release_creates();
  EXPECT_TRUE(answer(second).ok());
  EXPECT_TRUE(answer(same).ok());
  EXPECT_EQ(factory_.creates, 2);
  EXPECT_EQ(registry_->find({1, "a"}).value()->metadata().at("n"), "2");
}

TEST_F(InstanceRegistryTest, Inits_that_wait_are_bounded) {
  registry_->connection_began(1);
  factory_.behaviour.hold_creates = true;
  std::vector<std::shared_ptr<Pending>> waiting;
  for (int i = 0; i < 17; ++i) waiting.push_back(init({1, "a"}, {}));
  EXPECT_EQ(init_now({1, "a"}, {}).kind(), ErrorKind::kResourceExhausted);
  factory_.release_creates();
  for (const auto& pending : waiting) EXPECT_TRUE(answer(pending).ok());
}

TEST_F(InstanceRegistryTest, End_of_the_connection_closes_and_destroys_all_its_instances) {
  registry_->connection_began(1);
  registry_->connection_began(2);
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  ASSERT_TRUE(init_now({1, "b"}, {}).ok());
  ASSERT_TRUE(init_now({2, "a"}, {}).ok());
  const auto stream = std::make_shared<FakeOpenStream>();
  ASSERT_TRUE(registry_->attach({1, "b"}, stream).ok());
  registry_->connection_ended(1);
  EXPECT_TRUE(stream->status);
  EXPECT_TRUE(wait_alive(1));
  EXPECT_TRUE(registry_->find({2, "a"}).ok());
  EXPECT_EQ(registry_->find({1, "a"}).status().kind(), ErrorKind::kUnavailable);
}

TEST_F(InstanceRegistryTest, Instance_that_arrives_after_its_connection_ended_is_closed) {
  registry_->connection_began(1);
  factory_.behaviour.hold_creates = true;
  const auto pending = init({1, "a"}, {});
  const auto waiting = init({1, "a"}, {});
  registry_->connection_ended(1);
  EXPECT_EQ(answer(waiting).kind(), ErrorKind::kUnavailable);
  factory_.release_creates();
  EXPECT_EQ(answer(pending).kind(), ErrorKind::kUnavailable);
  EXPECT_TRUE(wait_alive(0));
}

TEST_F(InstanceRegistryTest, Instance_of_a_cancelled_Init_is_closed_when_it_arrives) {
  registry_->connection_began(1);
  factory_.behaviour.hold_creates = true;
  const auto pending = init({1, "a"}, {});
  const auto next = init({1, "a"}, {});
  registry_->cancel({1, "a"}, next->call);
  registry_->cancel({1, "a"}, pending->call);
  factory_.release_creates();
  EXPECT_EQ(answer(pending).kind(), ErrorKind::kCancelled);
  EXPECT_EQ(answer(next).kind(), ErrorKind::kCancelled);
  EXPECT_TRUE(wait_alive(0));
  EXPECT_EQ(factory_.creates, 1) << "no caller waits for the second";
  EXPECT_EQ(registry_->find({1, "a"}).status().kind(), ErrorKind::kFailedPrecondition);
}

TEST_F(InstanceRegistryTest, Instance_of_an_Init_cancelled_while_its_answer_was_sent_is_closed) {
  registry_->connection_began(1);
  const auto pending = init({1, "a"}, {});
  ASSERT_TRUE(answer(pending).ok());
  const auto stream = std::make_shared<FakeOpenStream>();
  ASSERT_TRUE(registry_->attach({1, "a"}, stream).ok());
  registry_->cancel({1, "a"}, pending->call);
  EXPECT_TRUE(wait_alive(0));
  EXPECT_TRUE(stream->status);
  EXPECT_EQ(registry_->find({1, "a"}).status().kind(), ErrorKind::kFailedPrecondition);
}

TEST_F(InstanceRegistryTest, Instance_that_another_Init_relies_on_survives_a_late_cancellation) {
  registry_->connection_began(1);
  const auto first = init({1, "a"}, {});
  ASSERT_TRUE(answer(first).ok());
  const auto same = init({1, "a"}, {});
  ASSERT_TRUE(answer(same).ok());
  registry_->cancel({1, "a"}, first->call);
  registry_->cancel({1, "a"}, same->call);
  EXPECT_TRUE(registry_->find({1, "a"}).ok());
  EXPECT_EQ(factory_.alive, 1U);
}

TEST_F(InstanceRegistryTest, Names_on_a_connection_are_bounded) {
  registry_->connection_began(1);
  factory_.behaviour.hold_creates = true;
  for (int i = 0; i < 256; ++i) init({1, std::to_string(i)}, {});
  EXPECT_EQ(init_now({1, "one more"}, {}).kind(), ErrorKind::kResourceExhausted);
  factory_.behaviour.create_status = base::unavailable("no broker");
  factory_.release_creates();
  registry_->stop();
}

TEST_F(InstanceRegistryTest, Stream_that_went_by_itself_is_not_ended_again) {
  registry_->connection_began(1);
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  const auto stream = std::make_shared<FakeOpenStream>();
  ASSERT_TRUE(registry_->attach({1, "a"}, stream).ok());
  registry_->detach({1, "a"}, stream);
  registry_->connection_ended(1);
  EXPECT_FALSE(stream->status);
}

TEST_F(InstanceRegistryTest, Stop_waits_for_instances_that_are_still_being_made) {
  registry_->connection_began(1);
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  factory_.behaviour.hold_creates = true;
  const auto pending = init({1, "b"}, {});
  std::thread stopper([&] { registry_->stop(); });
  ASSERT_TRUE(wait_alive(0)) << "the one that was there";
  factory_.release_creates();
  stopper.join();
  EXPECT_EQ(answer(pending).kind(), ErrorKind::kUnavailable);
  EXPECT_EQ(factory_.alive, 0U);
  EXPECT_EQ(log_.text(), "");
}

TEST_F(InstanceRegistryTest, Drain_returns_when_instances_have_drained_or_at_the_deadline) {
  registry_->connection_began(1);
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  registry_->drain(std::chrono::steady_clock::now() + std::chrono::hours(1));
  EXPECT_EQ(factory_.latest()->drains, 1);
  factory_.behaviour.hold_drains = true;
  const auto begin = std::chrono::steady_clock::now();
  registry_->drain(begin + std::chrono::milliseconds(100));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(100));
}

TEST_F(InstanceRegistryTest, New_calls_are_refused_from_the_time_it_stops) {
  registry_->connection_began(1);
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  registry_->refuse_new_calls();
  EXPECT_EQ(registry_->find({1, "a"}).status().kind(), ErrorKind::kUnavailable);
  EXPECT_THAT(registry_->find({1, "a"}).status().message(), HasSubstr("stopping"));
  EXPECT_EQ(init_now({1, "b"}, {}).kind(), ErrorKind::kUnavailable);
}

/// Instances are idle as soon as they have no stream.
class IdleInstances : public InstanceRegistryTest {
 protected:
  IdleInstances() {
    registry_->stop();
    registry_ = make({});
  }
  static PeerProcess this_process() { return PeerProcess(::getpid()); }
};

TEST_F(IdleInstances, Are_there_for_the_next_connection_of_the_process) {
  registry_->connection_began(1, this_process());
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  const std::string mark = registry_->mark_of({1, "a"});
  const auto instance = registry_->find({1, "a"}).value();
  registry_->connection_ended(1);
  EXPECT_TRUE(registry_->has_mark(mark)) << "daprd has missed nothing";
  EXPECT_TRUE(registry_->instances().empty());

  registry_->connection_began(2, this_process());
  EXPECT_EQ(registry_->find({2, "b"}).status().kind(), ErrorKind::kFailedPrecondition);
  ASSERT_TRUE(registry_->find({2, "a"}).ok());
  EXPECT_EQ(registry_->find({2, "a"}).value(), instance);
  EXPECT_EQ(registry_->mark_of({2, "a"}), mark);
  EXPECT_EQ(missed_, 1) << "for \"b\" only";
  registry_->connection_ended(2);
  registry_->connection_began(3, this_process());
  EXPECT_TRUE(registry_->attach({3, "a"}, std::make_shared<FakeOpenStream>()).ok());
  registry_->connection_ended(3);
  EXPECT_FALSE(registry_->has_mark(mark)) << "a stream was open: daprd has gone";
}

TEST_F(IdleInstances, Are_not_those_that_were_used_just_now) {
  registry_->stop();
  registry_ = make(std::chrono::hours(1));
  registry_->connection_began(1, this_process());
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  registry_->connection_ended(1);
  EXPECT_TRUE(wait_alive(0));
}

TEST_F(IdleInstances, Are_not_given_to_another_process) {
  registry_->connection_began(1, this_process());
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  registry_->connection_ended(1);
  registry_->connection_began(2, PeerProcess(::getppid()));
  EXPECT_EQ(registry_->find({2, "a"}).status().kind(), ErrorKind::kFailedPrecondition);
  registry_->connection_began(3);  // not visible
  EXPECT_EQ(registry_->find({3, "a"}).status().kind(), ErrorKind::kFailedPrecondition);
}

TEST_F(IdleInstances, Of_processes_that_are_not_visible_are_told_apart_by_their_names) {
  registry_->connection_began(1);
  registry_->connection_began(2);
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  ASSERT_TRUE(init_now({1, "b"}, {}).ok());
  ASSERT_TRUE(init_now({2, "b"}, {}).ok());
  registry_->connection_ended(1);
  registry_->connection_ended(2);
  registry_->connection_began(3);
  EXPECT_TRUE(registry_->find({3, "a"}).ok());
  EXPECT_EQ(registry_->find({3, "b"}).status().kind(), ErrorKind::kFailedPrecondition)
      << "it could be either";
}

TEST_F(IdleInstances, Are_closed_when_their_process_ends) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  registry_->connection_began(1, PeerProcess(child));
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  registry_->connection_ended(1);
  const bool kept = factory_.stage.change([&] { return factory_.alive == 1; });
  ::kill(child, SIGKILL);
  EXPECT_TRUE(wait_alive(0));
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(kept);
}

TEST_F(IdleInstances, Are_what_an_Init_finds_with_the_same_metadata) {
  registry_->connection_began(1, this_process());
  ASSERT_TRUE(init_now({1, "a"}, {{"url", "1"}}).ok());
  const std::string mark = registry_->mark_of({1, "a"});
  registry_->connection_ended(1);
  registry_->connection_began(2, this_process());
  ASSERT_TRUE(init_now({2, "a"}, {{"url", "1"}}).ok());
  EXPECT_EQ(registry_->mark_of({2, "a"}), mark);
  registry_->connection_ended(2);
  registry_->connection_began(3, this_process());
  ASSERT_TRUE(init_now({3, "a"}, {{"url", "2"}}).ok());
  EXPECT_NE(registry_->mark_of({3, "a"}), mark);
  EXPECT_TRUE(wait_alive(1)) << "the earlier one is closed";
}

TEST_F(IdleInstances, Make_room_for_an_instance_with_their_client_ID) {
  registry_->connection_began(1, this_process());
  ASSERT_TRUE(init_now({1, "a"}, {{"consumerID", "x"}}).ok());
  registry_->connection_ended(1);
  registry_->connection_began(2);
  ASSERT_TRUE(init_now({2, "b"}, {{"consumerID", "y"}}).ok());
  EXPECT_EQ(factory_.stage.change([&] { return factory_.alive; }), 2U);
  ASSERT_TRUE(init_now({2, "c"}, {{"consumerID", "x"}}).ok());
  EXPECT_TRUE(wait_alive(2));
}

TEST_F(IdleInstances, Are_closed_at_the_stop) {
  registry_->connection_began(1, this_process());
  ASSERT_TRUE(init_now({1, "a"}, {}).ok());
  registry_->connection_ended(1);
  registry_->stop();
  EXPECT_EQ(factory_.alive, 0U);
  EXPECT_EQ(log_.text(), "");
}

}  // namespace
}  // namespace dapr_mqtt::dapr
