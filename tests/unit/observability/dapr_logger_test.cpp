#include "dapr_mqtt/observability/dapr_logger.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <thread>
#include <vector>

#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::observability {
namespace {

using base::Log;
using base::LogLevel;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// An unnamed file that logs go to.
class LogFile {
 public:
  LogFile() : fd_(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) {
    EXPECT_TRUE(fd_.valid());
  }
  int fd() const { return fd_.get(); }
  /// To be called after flush() of the logger.
  std::string text() const {
    struct stat info {};
    EXPECT_EQ(::fstat(fd_.get(), &info), 0);
    std::string out(static_cast<std::size_t>(info.st_size), '\0');
    EXPECT_EQ(::pread(fd_.get(), out.data(), out.size(), 0), info.st_size);
    return out;
  }

 private:
  base::UniqueFd fd_;
};

TEST(DaprLogger, writes_what_reaches_the_threshold_and_nothing_else) {
  const LogFile file;
  DaprLogger logger({LogThreshold::kWarn, LogFormat::kText, "app", "1"}, file.fd());
  const Log log(logger, "comp");
  log.debug("first");
  log.info("second");
  log.warn("three");
  log.error("four");
  logger.flush();
  EXPECT_THAT(file.text(), Not(HasSubstr("first")));
  EXPECT_THAT(file.text(), Not(HasSubstr("second")));
  EXPECT_THAT(file.text(), HasSubstr("level=warning msg=three app_id=app component=comp "));
  EXPECT_THAT(file.text(), HasSubstr("level=error msg=four"));
  EXPECT_FALSE(logger.enabled(LogLevel::kInfo));
  EXPECT_TRUE(logger.enabled(LogLevel::kWarn));
}

TEST(DaprLogger, writes_fatal_lines_at_every_threshold) {
  const LogFile file;
  DaprLogger logger({LogThreshold::kFatal, LogFormat::kText, "", "1"}, file.fd());
  Log(logger).error("an error");
  logger.flush();
  EXPECT_THAT(file.text(), IsEmpty());
  logger.fatal("the end");
  EXPECT_THAT(file.text(), HasSubstr("level=fatal msg=\"the end\" app_id= instance="));
}

TEST(DaprLogger, writes_json_when_told_to) {
  const LogFile file;
  DaprLogger logger({LogThreshold::kDebug, LogFormat::kJson, "app", "9.8"}, file.fd());
  Log(logger, "comp").debug("say \"x\"");
  logger.flush();
  EXPECT_THAT(file.text(),
              testing::StartsWith("{\"app_id\":\"app\",\"component\":\"comp\",\"instance\":"));
  EXPECT_THAT(file.text(), HasSubstr(R"("level":"debug","msg":"say \"x\"","scope":)"));
  EXPECT_THAT(file.text(), testing::EndsWith(R"("type":"log","ver":"9.8"})"
                                             "\n"));
}

TEST(DaprLogger, keeps_lines_whole_when_threads_write_at_once) {
  const LogFile file;
  DaprLogger logger({LogThreshold::kInfo, LogFormat::kText, "app", "1"}, file.fd());
  constexpr int kThreads = 4;
  constexpr int kLines = 200;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int line = 0; line < kLines; ++line) Log(logger).info("a line of some length");
    });
  }
  for (auto& thread : threads) thread.join();
  logger.flush();
  const std::string text = file.text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), kThreads * kLines);
  std::size_t whole = 0;
  for (std::size_t at = text.find("time="); at != std::string::npos;
       at = text.find("\ntime=", at + 1)) {
    ++whole;
  }
  EXPECT_EQ(whole, kThreads * kLines);
}

TEST(DaprLogger, goes_on_when_its_output_has_gone) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  base::UniqueFd reader(ends[0]);
  const base::UniqueFd writer(ends[1]);
  const auto before = ::signal(SIGPIPE, SIG_IGN);  // as main does
  DaprLogger logger({}, writer.get());
  reader.reset();
  Log(logger).info("nobody reads this");
  logger.flush();
  ::signal(SIGPIPE, before);
}

/// A pipe that nobody reads until the test does.
class FullPipe {
 public:
  FullPipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    read_.reset(ends[0]);
    write_.reset(ends[1]);
    ::fcntl(write(), F_SETFL, O_NONBLOCK);
    const std::string block(4096, '.');
    while (::write(write(), block.data(), block.size()) > 0) continue;
    ::fcntl(write(), F_SETFL, 0);
  }
  int write() const { return write_.get(); }
  /// Reads up to the text.
  std::string read_until(const std::string& end) {
    std::string text;
    char buffer[65536];
    while (text.find(end) == std::string::npos) {
      const ssize_t got = ::read(read_.get(), buffer, sizeof buffer);
      if (got <= 0) break;
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  base::UniqueFd read_;
  base::UniqueFd write_;
};

TEST(DaprLogger, waits_for_no_reader_and_says_how_many_lines_are_missing_when_there_is_one) {
  FullPipe pipe;
  DaprLogger logger({LogThreshold::kInfo, LogFormat::kText, "app", "1"}, pipe.write());
  const std::string text(10'000, 'x');
  for (int i = 0; i < 1000; ++i) logger.write(LogLevel::kInfo, "comp", text);
  const std::string read = pipe.read_until("lines are missing here");
  EXPECT_THAT(read, HasSubstr("lines are missing here: the reader of this log did not keep up"));
  logger.write(LogLevel::kInfo, "comp", "again");
  EXPECT_THAT(pipe.read_until("msg=again"), HasSubstr("msg=again"));
}

TEST(DaprLogger, ends_within_its_patience_although_nobody_reads) {
  const FullPipe pipe;
  const auto begin = std::chrono::steady_clock::now();
  {
    DaprLogger logger({LogThreshold::kInfo, LogFormat::kText, "app", "1"}, pipe.write());
    logger.write(LogLevel::kInfo, "comp", "x");
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(LogThreshold, takes_the_names_of_daprd_in_any_case) {
  EXPECT_EQ(parse_log_threshold("DEBUG"), LogThreshold::kDebug);
  EXPECT_EQ(parse_log_threshold("info"), LogThreshold::kInfo);
  EXPECT_EQ(parse_log_threshold("warn"), LogThreshold::kWarn);
  EXPECT_EQ(parse_log_threshold("Warning"), LogThreshold::kWarn);
  EXPECT_EQ(parse_log_threshold("error"), LogThreshold::kError);
  EXPECT_EQ(parse_log_threshold("fatal"), LogThreshold::kFatal);
  EXPECT_EQ(parse_log_threshold("loud"), std::nullopt);
}

}  // namespace
}  // namespace dapr_mqtt::observability
