#include "dapr_mqtt/base/batch.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

namespace dapr_mqtt::base {
namespace {

TEST(Batch, Runs_what_was_put_off_at_its_end_in_order_and_once_for_each_key) {
  std::string done;
  int first = 0;
  int second = 0;
  {
    const Batch batch;
    EXPECT_TRUE(Batch::put_off(&first, [&] { done += "first "; }));
    EXPECT_TRUE(Batch::put_off(&second, [&] { done += "second "; }));
    EXPECT_TRUE(Batch::put_off(&first, [&] { done += "again "; }));
    EXPECT_EQ(done, "");
  }
  EXPECT_EQ(done, "first second ");
}

TEST(Batch, Keeps_nothing_while_none_is_open) {
  const auto held = std::make_shared<int>(1);
  { const Batch batch; }
  EXPECT_FALSE(Batch::put_off(&held, [held] { ADD_FAILURE(); }));
  EXPECT_EQ(held.use_count(), 1);
  { const Batch batch; }
}

TEST(Batch, Inside_another_leaves_its_work_to_the_outermost) {
  std::string done;
  {
    const Batch outer;
    {
      const Batch inner;
      EXPECT_TRUE(Batch::put_off(&done, [&] { done += "work"; }));
    }
    EXPECT_EQ(done, "");
  }
  EXPECT_EQ(done, "work");
}

TEST(Batch, Runs_what_is_put_off_while_it_ends_the_same_key_too) {
  int runs = 0;
  const auto held = std::make_shared<int>(1);
  {
    const Batch batch;
    EXPECT_TRUE(Batch::put_off(&runs, [&, held] {
      ++runs;
      const Batch inner;
      EXPECT_TRUE(Batch::put_off(&runs, [&] { ++runs; }));
      EXPECT_EQ(runs, 1);
    }));
  }
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Batch, Belongs_to_its_thread) {
  const Batch batch;
  bool put_off = true;
  std::thread([&] { put_off = Batch::put_off(&put_off, [] { ADD_FAILURE(); }); }).join();
  EXPECT_FALSE(put_off);
}

}  // namespace
}  // namespace dapr_mqtt::base
