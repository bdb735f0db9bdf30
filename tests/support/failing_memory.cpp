#include "support/failing_memory.h"

#include <cstdlib>
#include <new>

namespace {

constexpr int kNone = -1;
thread_local int succeed_before = kNone;

}  // namespace

namespace dapr_mqtt::testing {

void fail_allocation(int nth) { succeed_before = nth; }
void fail_no_allocation() { succeed_before = kNone; }

}  // namespace dapr_mqtt::testing

void* operator new(std::size_t size) {
  if (succeed_before != kNone && succeed_before-- == 0) throw std::bad_alloc();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
