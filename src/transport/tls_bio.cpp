#include "transport/tls_bio.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace dapr_mqtt::transport {
namespace {

using Outcome = IoResult::Outcome;

StreamBelow& below_of(BIO* bio) { return *static_cast<StreamBelow*>(BIO_get_data(bio)); }

/// The size of two full TLS records.
constexpr std::size_t kAhead = 32U << 10U;

std::size_t take_ahead(StreamBelow& below, char* buffer, std::size_t size) {
  const std::size_t taken = std::min(size, below.ahead_end - below.ahead_begin);
  std::memcpy(buffer, below.ahead.get() + below.ahead_begin, taken);
  below.ahead_begin += taken;
  return taken;
}

int read(BIO* bio, char* buffer, std::size_t size, std::size_t* got) {
  StreamBelow& below = below_of(bio);
  BIO_clear_retry_flags(bio);
  *got = 0;
  if (below.has_ahead()) {
    *got = take_ahead(below, buffer, size);
    return 1;
  }
  if (!below.ahead) below.ahead.reset(new (std::nothrow) char[kAhead]);
  IoResult result =
      below.ahead ? below.stream.read(below.ahead.get(), kAhead) : below.stream.read(buffer, size);
  switch (result.outcome) {
    case Outcome::kDone:
      if (below.ahead) {
        below.ahead_begin = 0;
        below.ahead_end = result.bytes;
        *got = take_ahead(below, buffer, size);
      } else {
        *got = result.bytes;
      }
      return 1;
    case Outcome::kWouldBlock: BIO_set_retry_read(bio); return 0;
    case Outcome::kClosed: below.ended = true; return 0;
    case Outcome::kFailed: below.read_failure = std::move(result.status); return 0;
  }
  return 0;
}

int write(BIO* bio, const char* data, std::size_t size, std::size_t* put) {
  StreamBelow& below = below_of(bio);
  BIO_clear_retry_flags(bio);
  *put = 0;
  IoResult result = below.stream.write(data, size);
  if (result.outcome == Outcome::kDone) {
    *put = result.bytes;
    return 1;
  }
  if (result.outcome == Outcome::kWouldBlock) {
    BIO_set_retry_write(bio);
  } else {
    below.write_failure = std::move(result.status);
  }
  return 0;
}

long control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return below_of(bio).ended ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BioMethod make_method() {
  BioMethod method(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream"));
  if (!method || BIO_meth_set_read_ex(method.get(), read) != 1 ||
      BIO_meth_set_write_ex(method.get(), write) != 1 ||
      BIO_meth_set_ctrl(method.get(), control) != 1) {
    return nullptr;
  }
  return method;
}

}  // namespace

Bio make_bio(StreamBelow& below) {
  static const BioMethod method = make_method();
  if (!method) return nullptr;
  Bio bio(BIO_new(method.get()));
  if (!bio) return nullptr;
  BIO_set_data(bio.get(), &below);
  BIO_set_init(bio.get(), 1);
  return bio;
}

}  // namespace dapr_mqtt::transport
