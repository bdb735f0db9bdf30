#include "dapr_mqtt/base/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace dapr_mqtt::base {
namespace {

TEST(Status, Is_ok_without_a_text_when_made_of_nothing) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.kind(), ErrorKind::kOk);
  EXPECT_EQ(status.message(), "");
}

TEST(Status, Carries_the_kind_of_its_maker) {
  EXPECT_EQ(invalid_argument("x").kind(), ErrorKind::kInvalidArgument);
  EXPECT_EQ(failed_precondition("x").kind(), ErrorKind::kFailedPrecondition);
  EXPECT_EQ(unavailable("x").kind(), ErrorKind::kUnavailable);
  EXPECT_EQ(deadline_exceeded("x").kind(), ErrorKind::kDeadlineExceeded);
  EXPECT_EQ(resource_exhausted("x").kind(), ErrorKind::kResourceExhausted);
  EXPECT_EQ(permission_denied("x").kind(), ErrorKind::kPermissionDenied);
  EXPECT_EQ(unauthenticated("x").kind(), ErrorKind::kUnauthenticated);
  EXPECT_EQ(cancelled("x").kind(), ErrorKind::kCancelled);
  EXPECT_EQ(internal_error("x").kind(), ErrorKind::kInternal);
  EXPECT_EQ(to_string(ErrorKind::kInvalidArgument), "INVALID_ARGUMENT");
  EXPECT_EQ(to_string(ErrorKind::kOk), "OK");
}

TEST(Status, Takes_context_in_front_when_it_is_an_error) {
  const Status status = unavailable("refused").with_context("broker");
  EXPECT_EQ(status.kind(), ErrorKind::kUnavailable);
  EXPECT_EQ(status.message(), "broker: refused");
  EXPECT_TRUE(Status().with_context("broker").ok());
  EXPECT_EQ(Status().with_context("broker").message(), "");
}

TEST(Result, Holds_a_value_or_the_error_in_its_place) {
  const Result<int> good = 7;
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(good.value(), 7);
  EXPECT_TRUE(good.status().ok());
  const Result<int> bad = invalid_argument("no");
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().message(), "no");
}

TEST(Result, Gives_away_a_value_that_only_moves) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 3);
}

}  // namespace
}  // namespace dapr_mqtt::base
