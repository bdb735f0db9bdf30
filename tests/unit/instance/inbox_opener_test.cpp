#include "instance/inbox_opener.h"

#include <gmock/gmock.h>

#include "support/waiting.h"

namespace dapr_mqtt::instance {
namespace {

using dapr_mqtt::testing::Channel;
using Answers = Channel<std::string>;

/// Stands for an opened inbox: an error whose text identifies it.
InboxOpener::Opened named(const std::string& name) { return base::unavailable(name); }

InboxOpener::Done answer_to(Answers& answers) {
  return [&answers](const InboxOpener::Opened& opened) { answers.push(opened.status().message()); };
}

TEST(InboxOpener, opens_one_while_another_takes_its_time) {
  Channel<int> slow_disk;
  Answers answers;
  InboxOpener opener;
  opener.open(
      [&] {
        slow_disk.next();
        return named("slow");
      },
      answer_to(answers));
  for (const char* quick : {"one", "two"}) {
    opener.open([quick] { return named(quick); }, answer_to(answers));
    EXPECT_EQ(answers.next(), quick);
  }
  slow_disk.push(1);
  EXPECT_EQ(answers.next(), "slow");
}

TEST(InboxOpener, refuses_more_than_it_has_threads_for) {
  Channel<int> slow_disk;
  Answers answers;
  InboxOpener opener;
  for (std::size_t i = 0; i < InboxOpener::kMost; ++i) {
    opener.open(
        [&] {
          slow_disk.next();
          return named("slow");
        },
        answer_to(answers));
  }
  base::Status refused;
  opener.open([] { return named("never"); },
              [&](const InboxOpener::Opened& opened) { refused = opened.status(); });
  EXPECT_EQ(refused.kind(), base::ErrorKind::kResourceExhausted);
  EXPECT_THAT(refused.message(), ::testing::HasSubstr("--state-dir"));
  for (std::size_t i = 0; i < InboxOpener::kMost; ++i) slow_disk.push(1);
  for (std::size_t i = 0; i < InboxOpener::kMost; ++i) EXPECT_EQ(answers.next(), "slow");
}

TEST(InboxOpener, waits_at_its_end_for_what_is_being_opened) {
  Channel<int> slow_disk;
  Answers answers;
  {
    InboxOpener opener;
    for (int i = 0; i < 3; ++i) {
      opener.open(
          [&] {
            slow_disk.next();
            return named("slow");
          },
          answer_to(answers));
    }
    for (int i = 0; i < 3; ++i) slow_disk.push(1);
  }
  EXPECT_EQ(answers.size(), 3U);
}

}  // namespace
}  // namespace dapr_mqtt::instance
