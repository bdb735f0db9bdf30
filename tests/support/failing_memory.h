// Allocations that fail when a test wants it. Replaces operator new of the whole executable.
#pragma once

namespace dapr_mqtt::testing {

/// From now on, allocation number `nth` of this thread (0: the next one) throws std::bad_alloc; the
/// others succeed.
void fail_allocation(int nth);
void fail_no_allocation();

}  // namespace dapr_mqtt::testing
