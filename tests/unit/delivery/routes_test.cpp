#include "dapr_mqtt/delivery/routes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace dapr_mqtt::delivery {
namespace {

std::vector<core::TopicFilter> filters(const std::vector<std::string_view>& texts) {
  std::vector<core::TopicFilter> out;
  for (const auto text : texts) out.push_back(core::TopicFilter::parse(text).value());
  return out;
}

std::vector<std::string> match(const RoutingTable& table, std::size_t connection,
                               std::string_view topic) {
  std::vector<std::string> out;
  const auto routes = table.load();
  for (const auto* filter : routes->match(connection, topic)) out.push_back(filter->str());
  std::sort(out.begin(), out.end());
  return out;
}

using Names = std::vector<std::string>;

TEST(RoutingTable, message_goes_only_to_filters_of_its_connection) {
  RoutingTable table;
  table.set(0, filters({"a/#"}));
  table.set(2, filters({"a/b"}));
  EXPECT_EQ(match(table, 0, "a/b"), Names{"a/#"});
  EXPECT_EQ(match(table, 1, "a/b"), Names{});
  EXPECT_EQ(match(table, 2, "a/b"), Names{"a/b"});
  EXPECT_EQ(match(table, 3, "a/b"), Names{});
}

TEST(RoutingTable, filters_that_brokers_rewrite_are_found_by_what_the_broker_makes_of_them) {
  RoutingTable table;
  table.set(0, filters({"$queue/t/+", "$exclusive/x", "a.b/#", "plain", "$share/g/v1.2/c"}));
  const auto rewritten = [&](std::string_view topic) {
    Names out;
    const auto routes = table.load();
    for (const auto* filter : routes->match_rewritten(0, topic)) out.push_back(filter->str());
    return out;
  };
  EXPECT_EQ(rewritten("t/1"), Names{"$queue/t/+"});
  EXPECT_EQ(rewritten("x"), Names{"$exclusive/x"});
  EXPECT_EQ(rewritten("a/b/c"), Names{"a.b/#"});
  EXPECT_EQ(rewritten("v1/2/c"), Names{"$share/g/v1.2/c"});
  EXPECT_EQ(rewritten("plain"), Names{}) << "match() knows it";
  EXPECT_EQ(rewritten("other"), Names{});
}

TEST(RoutingTable, filter_given_twice_counts_once) {
  RoutingTable table;
  table.set(0, filters({"a", "a", "+"}));
  EXPECT_EQ(match(table, 0, "a"), (Names{"+", "a"}));
}

TEST(RoutingTable, set_replaces_one_connection_and_leaves_the_others) {
  RoutingTable table;
  table.set(0, filters({"a"}));
  table.set(1, filters({"a"}));
  table.set(0, filters({"b"}));
  EXPECT_EQ(match(table, 0, "a"), Names{});
  EXPECT_EQ(match(table, 0, "b"), Names{"b"});
  EXPECT_EQ(match(table, 1, "a"), Names{"a"});
}

TEST(RoutingTable, snapshot_stays_as_it_was_loaded) {
  RoutingTable table;
  table.set(0, filters({"a"}));
  const auto before = table.load();
  const auto matched = before->match(0, "a");
  table.set(0, {});
  ASSERT_EQ(matched.size(), 1U);
  EXPECT_EQ(matched[0]->str(), "a");
  EXPECT_EQ(before->match(0, "a").size(), 1U);
  EXPECT_EQ(match(table, 0, "a"), Names{});
}

}  // namespace
}  // namespace dapr_mqtt::delivery
