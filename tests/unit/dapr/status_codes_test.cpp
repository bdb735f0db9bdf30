#include "dapr/status_codes.h"

#include <gmock/gmock.h>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::dapr {
namespace {

using base::ErrorKind;
using grpc::StatusCode;

TEST(StatusCodes, map_kinds_there_and_back) {
  const std::pair<ErrorKind, StatusCode> pairs[] = {
      {ErrorKind::kOk, StatusCode::OK},
      {ErrorKind::kInvalidArgument, StatusCode::INVALID_ARGUMENT},
      {ErrorKind::kFailedPrecondition, StatusCode::FAILED_PRECONDITION},
      {ErrorKind::kUnavailable, StatusCode::UNAVAILABLE},
      {ErrorKind::kDeadlineExceeded, StatusCode::DEADLINE_EXCEEDED},
      {ErrorKind::kResourceExhausted, StatusCode::RESOURCE_EXHAUSTED},
      {ErrorKind::kPermissionDenied, StatusCode::PERMISSION_DENIED},
      {ErrorKind::kCancelled, StatusCode::CANCELLED},
      {ErrorKind::kInternal, StatusCode::INTERNAL},
  };
  for (const auto& [kind, code] : pairs) {
    const grpc::Status status = to_grpc(base::Status(kind, "text"));
    EXPECT_EQ(status.error_code(), code);
    EXPECT_EQ(from_grpc(status).kind(), kind);
    if (kind != ErrorKind::kOk) {
      EXPECT_EQ(status.error_message(), "text");
      EXPECT_EQ(from_grpc(status).message(), "text");
    }
  }
}

TEST(StatusCodes, call_a_broker_unavailable_that_does_not_let_us_in) {
  const grpc::Status status = to_grpc(base::unauthenticated("bad user name or password"));
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.error_message(), "bad user name or password");
}

TEST(StatusCodes, name_a_code_that_is_none_of_ours) {
  const base::Status status = from_grpc(grpc::Status(StatusCode::UNIMPLEMENTED, "no such method"));
  EXPECT_EQ(status.kind(), ErrorKind::kInternal);
  EXPECT_THAT(status.message(), ::testing::HasSubstr("12: no such method"));
}

TEST(StatusCodes, cut_long_texts_between_characters) {
  std::string text;
  while (text.size() < 20'000) text += "ä";
  const std::string sent = to_grpc(base::internal_error(text)).error_message();
  EXPECT_LT(sent.size(), 4200U);
  EXPECT_TRUE(base::is_valid_utf8(sent));
  EXPECT_TRUE(sent.ends_with("[cut]"));
  const std::string plain(4096, 'x');
  EXPECT_EQ(to_grpc(base::internal_error(plain)).error_message(), plain);
}

}  // namespace
}  // namespace dapr_mqtt::dapr
