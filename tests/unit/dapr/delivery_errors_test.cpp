#include "dapr/delivery_errors.h"

#include <gtest/gtest.h>

#include <string>

namespace dapr_mqtt::dapr {
namespace {

using Kind = core::DeliveryError::Kind;

constexpr const char* kHttp =
    "error returned from app channel while sending pub/sub event to app: retriable error occurred: ";
constexpr const char* kGrpc =
    "error returned from app while processing pub/sub event 4711: "
    "retriable error occurred: ";
constexpr const char* kDial =
    "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while "
    "dialing: dial tcp 127.0.0.1:50001: connect: connection refused\"";

void expect(Kind kind, const std::string& text) {
  const core::DeliveryError error = delivery_error(text);
  EXPECT_EQ(static_cast<int>(error.kind), static_cast<int>(kind)) << text;
  EXPECT_EQ(error.text, text);
}

// postman/http/http.go and channel/http/http_channel.go, Dapr 1.15 to 1.18.1.
TEST(DeliveryErrorsTest, http_app_that_cannot_be_dialled_is_unreachable) {
  const std::string post = std::string(kHttp) + "Post \"http://127.0.0.1:3000/in\": ";
  for (const char* cause : {
           "dial tcp 127.0.0.1:3000: connect: connection refused",
           "dial tcp 10.0.0.7:3000: i/o timeout",
           "dial tcp 10.0.0.7:3000: connect: no route to host",
           "dial tcp: lookup app.test on 127.0.0.53:53: no such host",
           "http: server closed idle connection",
       }) {
    expect(Kind::kUnreachable, post + cause);
  }
}

TEST(DeliveryErrorsTest, app_whose_health_check_fails_is_unreachable) {
  expect(Kind::kUnreachable,
         std::string(kHttp) + "rpc error: code = Internal desc = app is not in a healthy state");
}

TEST(DeliveryErrorsTest, http_app_that_goes_away_before_it_answers_interrupts) {
  const std::string post = std::string(kHttp) + "Post \"http://127.0.0.1:3000/in\": ";
  for (const char* cause : {
           "EOF",
           "read tcp 127.0.0.1:41000->127.0.0.1:3000: read: connection reset by peer",
           "write tcp 127.0.0.1:41000->127.0.0.1:3000: write: broken pipe",
           "context canceled",
       }) {
    expect(Kind::kInterrupted, post + cause);
  }
}

// postman/grpc/grpc.go with google.golang.org/grpc 1.80, Dapr 1.18.1.
TEST(DeliveryErrorsTest, grpc_app_that_cannot_be_dialled_is_unreachable) {
  expect(Kind::kUnreachable, std::string(kGrpc) + kDial);
  expect(Kind::kUnreachable,
         std::string(kGrpc) + "rpc error: code = Unavailable desc = the connection is draining");
  expect(Kind::kUnreachable, std::string(kGrpc) +
                                 "rpc error: code = Canceled desc = grpc: the client connection is "
                                 "closing");
}

TEST(DeliveryErrorsTest, grpc_app_that_goes_away_before_it_answers_interrupts) {
  for (const char* status : {
           "rpc error: code = Unavailable desc = error reading from server: EOF",
           "rpc error: code = Unavailable desc = error reading from server: read tcp "
           "127.0.0.1:41000->127.0.0.1:50001: read: connection reset by peer",
           "rpc error: code = Unavailable desc = closing transport due to: connection error: desc "
           "= \"error reading from server: EOF\", received prior goaway: code: NO_ERROR",
           "rpc error: code = Unavailable desc = transport is closing",
       }) {
    expect(Kind::kInterrupted, std::string(kGrpc) + status);
  }
}

// runtime/pubsub/streamer/streamer.go and runtime/pubsub/errors.go, Dapr 1.15 to 1.18.1.
TEST(DeliveryErrorsTest, streaming_subscription_that_is_gone_is_unreachable) {
  expect(Kind::kUnreachable, "no streamer subscribed to pubsub \"mqtt-pubsub\" topic \"orders\"");
  expect(Kind::kUnreachable, "subscription is closed");
  expect(Kind::kUnreachable,
         "no client stream expecting publish response for id 4711 ConnectionID7");
  expect(Kind::kInterrupted, "stream closed");
  expect(Kind::kInterrupted,
         std::string(kGrpc) + "rpc error: code = Canceled desc = context canceled");
}

// default_bulksub.go and postman: the error of an entry stands alone, Dapr 1.15 to 1.18.1.
TEST(DeliveryErrorsTest, bulk_subscription_says_it_in_other_words) {
  expect(Kind::kUnreachable,
         "Post \"http://127.0.0.1:3000/in\": dial tcp 127.0.0.1:3000: connect: connection refused");
  expect(Kind::kUnreachable,
         "error from app channel while sending pub/sub event to app: Post "
         "\"http://127.0.0.1:3000/in\": dial tcp 127.0.0.1:3000: connect: connection refused");
  expect(Kind::kUnreachable, "rpc error: code = Internal desc = app is not in a healthy state");
  expect(Kind::kUnreachable,
         std::string("error returned from app while processing bulk pub/sub event: ") + kDial);
}

// resiliency/breaker/circuitbreaker.go, Dapr 1.18.1.
TEST(DeliveryErrorsTest, open_circuit_breaker_of_daprd_is_unreachable) {
  expect(Kind::kUnreachable, "circuit breaker is open");
}

TEST(DeliveryErrorsTest, verdict_of_the_app_counts_as_before) {
  for (const char* text : {
           "",
           "no",
           "retriable error returned from app while processing pub/sub event 4711, topic: orders, "
           "body: {\"error\":\"dial tcp 10.0.0.9:5432: connect: connection refused\"}. status code "
           "returned: 500",
           "retriable error returned from app while processing pub/sub event 1, topic: t, body: "
           "stream closed. status code returned: 503",
           "RETRY status returned from app while processing pub/sub event 4711: retriable error "
           "occurred",
           "pubsub message dropped",
           "unknown status returned from app while processing pub/sub event 4711, status: LATER, "
           "err: retriable error occurred",
           "invalid character 'x' looking for beginning of value",
       }) {
    expect(Kind::kFailed, text);
  }
  for (const char* status : {
           "rpc error: code = Unavailable desc = the database is away: connection refused",
           "rpc error: code = Unknown desc = dial tcp 10.0.0.9:5432: connect: connection refused",
           "rpc error: code = Internal desc = app is not in a healthy state, says the app",
           "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
       }) {
    expect(Kind::kFailed, std::string(kGrpc) + status);
  }
}

TEST(DeliveryErrorsTest, app_that_is_too_slow_or_speaks_badly_has_been_reached) {
  const std::string post = std::string(kHttp) + "Post \"http://127.0.0.1:3000/in\": ";
  expect(Kind::kFailed, post + "context deadline exceeded");
  expect(Kind::kFailed, post +
                            "net/http: HTTP/1.x transport connection broken: malformed HTTP "
                            "response \"hello\"");
  expect(Kind::kFailed, std::string(kHttp) + "Post \"http://127.0.0.1:3000/in");
  expect(Kind::kFailed, "context deadline exceeded");
}

TEST(DeliveryErrorsTest, event_id_that_imitates_daprd_is_no_proof) {
  expect(Kind::kFailed, std::string("error returned from app while processing pub/sub event x: "
                                    "retriable error occurred: ") +
                            kDial +
                            ": retriable error occurred: rpc error: code = Unknown desc = no");
}

}  // namespace
}  // namespace dapr_mqtt::dapr
