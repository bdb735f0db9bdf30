#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::core {
namespace {

using ::testing::HasSubstr;

TopicFilter filter(std::string_view text) {
  auto result = TopicFilter::parse(text);
  if (!result.ok()) throw std::invalid_argument(result.status().message());
  return std::move(result).value();
}

std::string refused(std::string_view text) {
  const base::Status status = TopicFilter::parse(text).status();
  EXPECT_EQ(status.kind(), base::ErrorKind::kInvalidArgument) << text;
  return status.message();
}

TEST(TopicFilter, Takes_every_filter_of_the_specification) {
  for (const char* text : {"a", "/", "#", "+", "+/+", "/+", "+/", "a/#", "a/+/b/#", "+/tennis/#",
                           "//#", "$SYS/#", "$share", "$shared/x/y", "a b/\u4e16"}) {
    const auto result = TopicFilter::parse(text);
    ASSERT_TRUE(result.ok()) << text;
    EXPECT_EQ(result.value().str(), text);
    EXPECT_EQ(result.value().pattern(), text);
    EXPECT_FALSE(result.value().shared());
    EXPECT_EQ(result.value().share_name(), "");
  }
}

TEST(TopicFilter, Refuses_wildcards_in_wrong_places_and_says_so) {
  for (const char* text : {"a#", "#a", "a/b#", "sport+", "+a", "a/+b/c", "##", "+#", "++"}) {
    EXPECT_THAT(refused(text), HasSubstr("stand alone between slashes")) << text;
  }
  for (const char* text : {"#/a", "a/#/b", "#/", "a/#/#"}) {
    EXPECT_THAT(refused(text), HasSubstr("# may only be the last level")) << text;
  }
}

TEST(TopicFilter, Refuses_what_is_no_mqtt_string) {
  EXPECT_THAT(refused(""), HasSubstr("topic filter is empty"));
  EXPECT_THAT(refused(std::string_view("a\0", 2)), HasSubstr("NUL"));
  EXPECT_THAT(refused("\xC3"), HasSubstr("not UTF-8"));
  EXPECT_THAT(refused(std::string(65'536, 'a')), HasSubstr("MQTT allows 65535"));
}

TEST(TopicFilter, Takes_shared_subscriptions_apart) {
  const TopicFilter shared = filter("$share/group 1/a/+/#");
  EXPECT_TRUE(shared.shared());
  EXPECT_EQ(shared.share_name(), "group 1");
  EXPECT_EQ(shared.pattern(), "a/+/#");
  EXPECT_EQ(shared.str(), "$share/group 1/a/+/#");
  EXPECT_EQ(filter("$share/g//x").pattern(), "/x");
  EXPECT_EQ(filter("$share/g//").pattern(), "/");
  EXPECT_TRUE(shared.matches("a/b/c"));
  EXPECT_FALSE(shared.matches("$share/group 1/a/b/c"));
}

TEST(TopicFilter, Refuses_malformed_shared_subscriptions) {
  for (const char* text : {"$share/", "$share/g", "$share/g/", "$share//a"}) {
    EXPECT_THAT(refused(text), HasSubstr("$share/<share name>/<filter>")) << text;
  }
  EXPECT_THAT(refused("$share/g+/a"), HasSubstr("a share name holds no + or #"));
  EXPECT_THAT(refused("$share/#/a"), HasSubstr("a share name holds no + or #"));
  EXPECT_THAT(refused("$share/g/a#"), HasSubstr("stand alone"));
}

TEST(TopicFilter, Knows_whether_it_has_a_wildcard) {
  EXPECT_TRUE(filter("a/+").has_wildcard());
  EXPECT_TRUE(filter("$share/g/#").has_wildcard());
  EXPECT_FALSE(filter("a/b").has_wildcard());
  EXPECT_FALSE(filter("$share/g/a").has_wildcard());
}

TEST(TopicFilter, Is_told_from_another_by_its_whole_text) {
  EXPECT_EQ(filter("a/+"), filter("a/+"));
  EXPECT_NE(filter("$share/g/a"), filter("a"));
  EXPECT_NE(filter("$share/g/a"), filter("$share/h/a"));
  EXPECT_LT(filter("a"), filter("b"));
}

struct MatchCase {
  const char* filter;
  const char* topic;
  bool matches;
};

class TopicFilterMatches : public ::testing::TestWithParam<MatchCase> {};

TEST_P(TopicFilterMatches, As_the_specification_says) {
  const MatchCase& c = GetParam();
  EXPECT_EQ(filter(c.filter).matches(c.topic), c.matches) << c.filter << " and " << c.topic;
}

INSTANTIATE_TEST_SUITE_P(Literal, TopicFilterMatches,
                         ::testing::Values(MatchCase{"a", "a", true}, MatchCase{"a", "b", false},
                                           MatchCase{"a", "A", false}, MatchCase{"a", "a/", false},
                                           MatchCase{"a/", "a/", true}, MatchCase{"/a", "a", false},
                                           MatchCase{"a/b", "a", false},
                                           MatchCase{"a", "a/b", false},
                                           MatchCase{"a//b", "a//b", true},
                                           MatchCase{"a/b", "a//b", false}));

// MQTT 3.1.1 section 4.7.1.2 gives most of these.
INSTANTIATE_TEST_SUITE_P(
    MultiLevel, TopicFilterMatches,
    ::testing::Values(MatchCase{"sport/tennis/player1/#", "sport/tennis/player1", true},
                      MatchCase{"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
                      MatchCase{"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon",
                                true},
                      MatchCase{"sport/tennis/player1/#", "sport/tennis/player10", false},
                      MatchCase{"sport/#", "sport", true}, MatchCase{"sport/#", "sport/", true},
                      MatchCase{"sport/#", "sports", false}, MatchCase{"#", "a", true},
                      MatchCase{"#", "/", true}, MatchCase{"#", "a/b/c", true},
                      MatchCase{"/#", "/", true}, MatchCase{"/#", "a", false},
                      MatchCase{"a/#", "/a", false}));

// Section 4.7.1.3.
INSTANTIATE_TEST_SUITE_P(
    SingleLevel, TopicFilterMatches,
    ::testing::Values(MatchCase{"sport/tennis/+", "sport/tennis/player1", true},
                      MatchCase{"sport/tennis/+", "sport/tennis/player1/ranking", false},
                      MatchCase{"sport/+", "sport", false}, MatchCase{"sport/+", "sport/", true},
                      MatchCase{"+/+", "/finance", true}, MatchCase{"/+", "/finance", true},
                      MatchCase{"+", "/finance", false}, MatchCase{"+", "a", true},
                      MatchCase{"+/b/+", "a/b/c", true}, MatchCase{"+/b/+", "a/c/c", false},
                      MatchCase{"+/tennis/#", "a/tennis", true}, MatchCase{"+/#", "a", true},
                      MatchCase{"+/+/#", "a", false}, MatchCase{"+/", "a/", true},
                      MatchCase{"+/", "a", false}));

// Section 4.7.2.
INSTANTIATE_TEST_SUITE_P(
    Dollar, TopicFilterMatches,
    ::testing::Values(MatchCase{"#", "$SYS/x", false}, MatchCase{"+/x", "$SYS/x", false},
                      MatchCase{"+", "$SYS", false}, MatchCase{"$SYS/#", "$SYS/x", true},
                      MatchCase{"$SYS/#", "$SYS", true}, MatchCase{"$SYS/+", "$SYS/x", true},
                      MatchCase{"a/+", "a/$x", true}, MatchCase{"a/#", "a/$x", true},
                      MatchCase{"$share/g/#", "$SYS/x", false},
                      MatchCase{"$share/g/$SYS/#", "$SYS/x", true}));

struct OverlapCase {
  const char* a;
  const char* b;
  bool overlap;
};

class TopicFilterOverlaps : public ::testing::TestWithParam<OverlapCase> {};

TEST_P(TopicFilterOverlaps, Both_ways_alike) {
  const OverlapCase& c = GetParam();
  EXPECT_EQ(filter(c.a).overlaps(filter(c.b)), c.overlap) << c.a << " and " << c.b;
  EXPECT_EQ(filter(c.b).overlaps(filter(c.a)), c.overlap) << c.b << " and " << c.a;
}

INSTANTIATE_TEST_SUITE_P(
    Table, TopicFilterOverlaps,
    ::testing::Values(OverlapCase{"a", "a", true}, OverlapCase{"a", "b", false},
                      OverlapCase{"a/#", "a/b", true}, OverlapCase{"a/#", "a", true},
                      OverlapCase{"a/#", "b", false}, OverlapCase{"a/+", "a", false},
                      OverlapCase{"a/+", "+/b", true}, OverlapCase{"a/+", "b/+", false},
                      OverlapCase{"+", "+/+", false}, OverlapCase{"+/#", "+", true},
                      OverlapCase{"a/+/#", "a/b", true}, OverlapCase{"a/+/#", "a", false},
                      OverlapCase{"a/+/c", "a/b/#", true}, OverlapCase{"a/+/c", "a/b", false},
                      OverlapCase{"#", "x/y/z", true}, OverlapCase{"#", "$SYS/x", false},
                      OverlapCase{"#", "$SYS/#", false}, OverlapCase{"+/x", "$SYS/x", false},
                      OverlapCase{"$SYS/#", "$SYS/+", true}, OverlapCase{"a//b", "a/+/b", true},
                      OverlapCase{"/+", "+", false},
                      OverlapCase{"/#", "+", false},  // the parent level is not a topic
                      OverlapCase{"//#", "+/+", true}, OverlapCase{"/", "+/+", true},
                      OverlapCase{"$share/g/a/#", "a/b", true},
                      OverlapCase{"$share/g/a", "$share/h/a", true},
                      OverlapCase{"$share/g/a", "$share/g/b", false}));

}  // namespace
}  // namespace dapr_mqtt::core
