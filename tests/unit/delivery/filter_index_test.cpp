#include "delivery/filter_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

namespace dapr_mqtt::delivery {
namespace {

core::TopicFilter filter(std::string_view text) { return core::TopicFilter::parse(text).value(); }

FilterIndex index_of(const std::vector<std::string_view>& filters) {
  FilterIndex index;
  for (FilterIndex::Value i = 0; i < filters.size(); ++i) index.add(filter(filters[i]), i);
  return index;
}

std::vector<FilterIndex::Value> sorted(std::vector<FilterIndex::Value> values) {
  std::sort(values.begin(), values.end());
  return values;
}

using Values = std::vector<FilterIndex::Value>;

TEST(FilterIndex, empty_index_matches_nothing) { EXPECT_EQ(FilterIndex().match("a"), Values{}); }

TEST(FilterIndex, finds_exact_and_wildcard_filters_together) {
  const auto index = index_of({"a/b", "a/+", "a/#", "#", "b/#", "+/b", "+", "a/b/+"});
  EXPECT_EQ(sorted(index.match("a/b")), (Values{0, 1, 2, 3, 5}));
}

TEST(FilterIndex, hash_matches_the_parent_level) {
  const auto index = index_of({"a/#", "a/+/#", "a/b/c/#"});
  EXPECT_EQ(sorted(index.match("a")), (Values{0}));
  EXPECT_EQ(sorted(index.match("a/b")), (Values{0, 1}));
}

TEST(FilterIndex, wildcard_in_the_first_level_does_not_match_dollar_topics) {
  const auto index = index_of({"#", "+/x", "$SYS/#", "$SYS/+", "$SYS/x"});
  EXPECT_EQ(sorted(index.match("$SYS/x")), (Values{2, 3, 4}));
  EXPECT_EQ(sorted(index.match("a/$x")), (Values{0}));
}

TEST(FilterIndex, empty_levels_count) {
  const auto index = index_of({"/a", "+/a", "a/", "a/+", "//", "+/+/+"});
  EXPECT_EQ(sorted(index.match("/a")), (Values{0, 1}));
  EXPECT_EQ(sorted(index.match("a/")), (Values{2, 3}));
  EXPECT_EQ(sorted(index.match("//")), (Values{4, 5}));
}

TEST(FilterIndex, shared_filters_match_by_their_pattern) {
  const auto index = index_of({"$share/g/a/+", "$share/h/a/b", "$share/g/#"});
  EXPECT_EQ(sorted(index.match("a/b")), (Values{0, 1, 2}));
  EXPECT_EQ(index.match("$share/g/a/b"), Values{});
}

TEST(FilterIndex, as_many_levels_as_mqtt_allows_do_no_harm) {
  std::string deep(65'534, '/');
  FilterIndex index;
  index.add(filter(deep + "+"), 1);
  index.add(filter(deep + "#"), 2);
  EXPECT_EQ(sorted(index.match(deep)), (Values{1, 2}));
}

/// Few names, so that filters and topics often match.
std::string random_path(std::mt19937_64& random, bool wildcards) {
  std::string out;
  const std::size_t levels = 1 + random() % 5;
  for (std::size_t i = 0; i < levels; ++i) {
    if (i > 0) out += '/';
    const std::uint64_t roll = random() % 12;
    if (wildcards && roll < 3) {
      out += '+';
    } else if (wildcards && roll == 3) {
      return out + "#";
    } else if (roll == 4) {
      // an empty level
    } else if (roll == 5) {
      out += "$x";
    } else {
      out += static_cast<char>('a' + random() % 3);
    }
  }
  return out.empty() ? "a" : out;
}

TEST(FilterIndex, any_topic_matches_what_topic_filter_says) {
  const char* asked = std::getenv("SEED");
  const std::uint64_t first = asked == nullptr ? 1 : std::strtoull(asked, nullptr, 10);
  for (std::uint64_t seed = first; seed < first + (asked == nullptr ? 50 : 1); ++seed) {
    SCOPED_TRACE("run it again with SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    std::vector<core::TopicFilter> filters;
    FilterIndex index;
    for (FilterIndex::Value i = 0; i < 1 + random() % 200; ++i) {
      const std::string share = random() % 5 == 0 ? "$share/g/" : "";
      filters.push_back(filter(share + random_path(random, true)));
      index.add(filters.back(), i);
    }
    for (int n = 0; n < 200; ++n) {
      const std::string topic = random_path(random, false);
      Values expected;
      for (FilterIndex::Value i = 0; i < filters.size(); ++i) {
        if (filters[i].matches(topic)) expected.push_back(i);
      }
      ASSERT_EQ(sorted(index.match(topic)), expected) << "topic " << topic;
    }
  }
}

}  // namespace
}  // namespace dapr_mqtt::delivery
