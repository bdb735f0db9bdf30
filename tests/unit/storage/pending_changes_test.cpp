#include "storage/pending_changes.h"

#include <gtest/gtest.h>

namespace dapr_mqtt::storage {
namespace {

using Kind = PendingChanges::Kind;
using Changes = PendingChanges::Changes;

TEST(PendingChanges, message_gone_before_it_was_written_is_never_written) {
  PendingChanges changes;
  changes.added(1);
  changes.changed(1);
  EXPECT_EQ(changes.inserts(), 1U);
  changes.gone(1);
  EXPECT_TRUE(changes.empty());
  EXPECT_EQ(changes.inserts(), 0U);
}

TEST(PendingChanges, take_gives_the_last_change_of_each_oldest_first) {
  PendingChanges changes;
  changes.changed(7);
  changes.gone(7);
  changes.changed(3);
  changes.added(5);
  EXPECT_EQ(changes.take(2), (Changes{{3, Kind::kUpdate}, {5, Kind::kInsert}}));
  EXPECT_EQ(changes.inserts(), 0U);
  EXPECT_EQ(changes.take(2), (Changes{{7, Kind::kDelete}}));
  EXPECT_TRUE(changes.empty());
}

TEST(PendingChanges, put_back_keeps_newer_changes_and_forgets_what_never_got_a_row) {
  PendingChanges changes;
  for (const core::InboxId id : {1U, 2U, 3U}) changes.added(id);
  changes.gone(4);
  changes.changed(5);
  const Changes failed = changes.take(10);
  changes.gone(1);
  changes.changed(2);
  changes.gone(5);
  changes.put_back(failed);
  EXPECT_EQ(changes.inserts(), 2U);
  EXPECT_EQ(
      changes.take(10),
      (Changes{{2, Kind::kInsert}, {3, Kind::kInsert}, {4, Kind::kDelete}, {5, Kind::kDelete}}));
}

TEST(PendingChanges, deletes_can_be_taken_alone) {
  PendingChanges changes;
  for (const core::InboxId id : {1, 2, 3, 4}) changes.changed(id);
  changes.gone(2);
  changes.gone(4);
  EXPECT_EQ(changes.take_deletes(1), (PendingChanges::Changes{{2, Kind::kDelete}}));
  EXPECT_EQ(changes.take_deletes(10), (PendingChanges::Changes{{4, Kind::kDelete}}));
  EXPECT_TRUE(changes.take_deletes(10).empty());
  EXPECT_EQ(changes.size(), 2U);
}

}  // namespace
}  // namespace dapr_mqtt::storage
