// Cases that no table has: filters of random pieces, compared with all topics of a
// small alphabet.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/core/topic.h"
#include "support/random_text.h"

namespace dapr_mqtt::core {
namespace {

constexpr int kRuns = 10'000;
constexpr std::size_t kMaxLevels = 4;

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> levels(1);
  for (const char c : text) {
    if (c == '/') {
      levels.emplace_back();
    } else {
      levels.back() += c;
    }
  }
  return levels;
}

/// The rules of section 4.7, level by level, simple and slow.
bool matches_by_the_book(const std::vector<std::string>& filter,
                         const std::vector<std::string>& topic, std::size_t at = 0) {
  if (at == 0 && topic[0].starts_with('$') && (filter[0] == "+" || filter[0] == "#")) return false;
  if (at == filter.size()) return at == topic.size();
  if (filter[at] == "#") return true;
  if (at == topic.size()) return false;
  return (filter[at] == "+" || filter[at] == topic[at]) &&
         matches_by_the_book(filter, topic, at + 1);
}

/// Every topic of up to kMaxLevels + 1 levels made of these.
std::vector<std::string> all_topics() {
  const std::vector<std::string> names = {"", "a", "b", "$s"};
  std::vector<std::string> level = names;
  std::vector<std::string> topics = names;
  for (std::size_t depth = 1; depth <= kMaxLevels; ++depth) {
    std::vector<std::string> deeper;
    for (const std::string& topic : level) {
      for (const std::string& name : names) deeper.push_back(topic + "/" + name);
    }
    topics.insert(topics.end(), deeper.begin(), deeper.end());
    level = std::move(deeper);
  }
  std::erase(topics, "");  // is not a topic
  return topics;
}

TopicFilter random_filter(testing::RandomText& random) {
  const std::vector<std::string> names = {"", "a", "b", "$s", "+", "+", "#"};
  for (;;) {
    std::string text;
    for (std::size_t levels = random.below(kMaxLevels) + 1; levels > 0; --levels) {
      text += names[random.below(names.size())];
      if (levels > 1) text += '/';
    }
    if (random.below(4) == 0) text = "$share/g/" + text;
    auto filter = TopicFilter::parse(text);
    if (filter.ok()) return std::move(filter).value();
  }
}

TEST(TopicFilterRandom, Matches_what_the_rules_say_and_overlaps_where_a_topic_shows_it) {
  testing::RandomText random(testing::seed_of_test());
  const std::vector<std::string> topics = all_topics();
  std::vector<std::vector<std::string>> split_topics;
  for (const std::string& topic : topics) split_topics.push_back(split(topic));

  std::vector<TopicFilter> filters;
  std::vector<std::vector<bool>> matched;
  for (int i = 0; i < 150; ++i) {
    filters.push_back(random_filter(random));
    const std::vector<std::string> levels = split(filters.back().pattern());
    std::vector<bool>& row = matched.emplace_back();
    for (std::size_t t = 0; t < topics.size(); ++t) {
      row.push_back(matches_by_the_book(levels, split_topics[t]));
      ASSERT_EQ(filters.back().matches(topics[t]), row.back())
          << filters.back().str() << " and " << topics[t];
    }
  }
  for (std::size_t a = 0; a < filters.size(); ++a) {
    for (std::size_t b = 0; b < filters.size(); ++b) {
      bool shown = false;
      for (std::size_t t = 0; t < topics.size() && !shown; ++t)
        shown = matched[a][t] && matched[b][t];
      ASSERT_EQ(filters[a].overlaps(filters[b]), shown)
          << filters[a].str() << " and " << filters[b].str();
    }
  }
}

TEST(TopicFilterRandom, Bytes_of_any_kind_get_an_answer) {
  testing::RandomText random(testing::seed_of_test());
  const std::vector<std::string> pieces = {"/", "+",      "#",  "$share/", "$",
                                           "a", "\u00fc", "g/", "//"};
  for (int run = 0; run < kRuns; ++run) {
    const std::string text = random.text(pieces, 10);
    const auto filter = TopicFilter::parse(text);
    const auto topic = TopicName::parse(text);
    EXPECT_TRUE(!topic.ok() || base::is_valid_utf8(text));
    if (!filter.ok()) {
      EXPECT_EQ(filter.status().kind(), base::ErrorKind::kInvalidArgument);
      continue;
    }
    const TopicFilter& f = filter.value();
    EXPECT_EQ(f.str(), text);
    EXPECT_FALSE(f.pattern().empty());
    EXPECT_EQ(f.shared(), !f.share_name().empty());
    EXPECT_TRUE(f.overlaps(f)) << text;
    EXPECT_TRUE(f.has_wildcard() || f.matches(f.pattern())) << text;
    const std::string other = random.text(pieces, 10);
    const bool matches = f.matches(other);
    if (const auto literal = TopicFilter::parse(other); matches && literal.ok()) {
      // A filter that matches a topic also overlaps the filter with that topic's text.
      if (!literal.value().has_wildcard() && !literal.value().shared()) {
        EXPECT_TRUE(f.overlaps(literal.value())) << text << " and " << other;
      }
    }
  }
}

}  // namespace
}  // namespace dapr_mqtt::core
