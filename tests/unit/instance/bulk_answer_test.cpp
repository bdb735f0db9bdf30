#include "instance/bulk_answer.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::instance {
namespace {

TEST(BulkAnswer, names_exactly_the_failed_entries_in_the_requests_order) {
  std::vector<FailedEntry> failed;
  int calls = 0;
  BulkAnswer answer({"x", "y", "z"}, [&](std::vector<FailedEntry> entries) {
    failed = std::move(entries);
    ++calls;
  });
  answer.entry(2, base::unavailable("no broker"));
  answer.entry(1, {});
  EXPECT_EQ(calls, 0);
  answer.entry(0, base::invalid_argument("bad qos"));
  ASSERT_EQ(calls, 1);
  ASSERT_EQ(failed.size(), 2U);
  EXPECT_EQ(failed[0].id, "x");
  EXPECT_EQ(failed[0].error, "bad qos");
  EXPECT_EQ(failed[1].id, "z");
}

}  // namespace
}  // namespace dapr_mqtt::instance
