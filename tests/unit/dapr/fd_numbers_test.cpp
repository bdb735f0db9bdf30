#include "dapr/fd_numbers.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <vector>

namespace dapr_mqtt::dapr {
namespace {

base::UniqueFd any_fd() { return base::UniqueFd(::open("/dev/null", O_RDONLY)); }

TEST(FdNumbers, gives_a_number_that_was_just_freed_not_again) {
  FdNumbers numbers(200, 400);
  const int first = numbers.move(any_fd()).value().get();  // closed at once
  const int second = numbers.move(any_fd()).value().get();
  EXPECT_GE(first, 200);
  EXPECT_GT(second, first);
}

TEST(FdNumbers, begins_again_when_its_range_is_used_up) {
  FdNumbers numbers(200, 203);
  std::vector<int> seen;
  for (int i = 0; i < 4; ++i) seen.push_back(numbers.move(any_fd()).value().get());
  EXPECT_EQ(seen, (std::vector<int>{200, 201, 202, 200}));
}

TEST(FdNumbers, leaves_out_numbers_in_use_and_says_when_none_is_left) {
  FdNumbers numbers(200, 203);
  std::vector<base::UniqueFd> held;
  for (int i = 0; i < 3; ++i) held.push_back(numbers.move(any_fd()).value());
  EXPECT_EQ(numbers.move(any_fd()).status().kind(), base::ErrorKind::kResourceExhausted);
  held.erase(held.begin() + 1);
  EXPECT_EQ(numbers.move(any_fd()).value().get(), 201);
}

TEST(FdNumbers, sets_close_on_exec) {
  FdNumbers numbers(200, 203);
  const auto fd = numbers.move(any_fd());
  EXPECT_NE(::fcntl(fd.value().get(), F_GETFD) & FD_CLOEXEC, 0);
}

}  // namespace
}  // namespace dapr_mqtt::dapr
