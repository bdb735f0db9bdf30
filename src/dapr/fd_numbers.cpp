#include "dapr/fd_numbers.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace dapr_mqtt::dapr {
namespace {

int number_limit(int wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  return static_cast<int>(std::min<rlim_t>(limit.rlim_cur, static_cast<rlim_t>(wanted)));
}

}  // namespace

FdNumbers::FdNumbers(int first, int end) : first_(first), end_(number_limit(end)), next_(first) {
  if (first_ >= end_) first_ = next_ = end_ / 2;  // a very low limit
}

base::Result<base::UniqueFd> FdNumbers::move(base::UniqueFd fd) {
  // The second round begins at the first number again.
  for (int round = 0; round < 2; ++round) {
    if (next_ < end_) {
      base::UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, next_));
      if (moved.valid() && moved.get() < end_) {
        next_ = moved.get() + 1;
        return moved;
      }
      // EMFILE: no number above; EINVAL: the limit was lowered below next_.
      if (!moved.valid() && errno != EMFILE && errno != EINVAL) break;
    }
    next_ = first_;
  }
  return base::resource_exhausted("no file descriptor number left: " +
                                  std::generic_category().message(EMFILE));
}

}  // namespace dapr_mqtt::dapr
