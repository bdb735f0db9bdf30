#include "dapr_mqtt/sidecar/healer.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::sidecar {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// The delays between looks. The first must be longer than a reload of a Component takes.
constexpr milliseconds kFirstDelay{300};
constexpr seconds kLongestDelay{2};
/// How long to wait for a daprd that does not answer, or that was told to restart.
constexpr seconds kPatience{60};
/// A daprd that has not restarted by then is told again: its graceful shutdown may take some
/// seconds, and longer with dapr.io/block-shutdown-duration.
constexpr seconds kActAgain{30};

std::string join(const std::set<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + base::quote(name);
  return out;
}

/// Whether both lead to the same daprd: it listens on 127.0.0.1 and ::1 unless told otherwise.
bool same_daprd(const Address& a, const Address& b) {
  const auto loopback = [](const Address& address) {
    const std::string host = base::to_lower(address.host);
    return host == "127.0.0.1" || host == "::1" || host == "localhost";
  };
  return a == b || (a.port == b.port && loopback(a) && loopback(b));
}

/// "1.18.1" → 1 and 18. None for "edge".
std::optional<std::pair<int, int>> parse_version(std::string_view text) {
  std::pair<int, int> out;
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, out.first);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, out.second);
  if (minor.ec != std::errc()) return std::nullopt;
  return out;
}

bool can_reload(const std::string& version) {
  constexpr std::pair kFirstWithSighup{1, 18};
  const auto parsed = parse_version(version);
  return parsed && *parsed >= kFirstWithSighup;
}

/// Why the daprd cannot be reloaded from here; OK when a reload can be tried.
base::Status reloadable(const std::optional<DaprdProcess>& process, const DaprdMetadata& metadata) {
  if (!can_reload(metadata.version)) {
    return base::failed_precondition("version " + base::quote(metadata.version) +
                                     " cannot be reloaded, 1.18 and later can");
  }
  if (!process || process->app_id != metadata.app_id) {
    return base::failed_precondition("its process cannot be seen from here");
  }
  return {};
}

}  // namespace

Healer::Healer(HealerOptions options, ServedInits& served, DaprdApi& api, DaprdProcesses& processes,
               base::Executor& executor, base::Log log)
    : options_(std::move(options)),
      served_(served),
      api_(api),
      processes_(processes),
      executor_(executor),
      log_(std::move(log)) {
  executor_.post([this] { restart_looking(); });
}

void Healer::look_soon() {
  executor_.post([this] {
    called_ = true;
    restart_looking();
  });
}

void Healer::restart_looking() {
  looking_since_ = executor_.now();
  delay_ = kFirstDelay;
  executor_.cancel(timer_);
  look();
}

std::vector<Healer::Candidate> Healer::candidates() {
  std::vector<Candidate> out;
  const auto add = [&out](const Address& address, std::optional<DaprdProcess> process) {
    const auto same = std::find_if(out.begin(), out.end(), [&](const Candidate& candidate) {
      return same_daprd(candidate.address, address);
    });
    if (same != out.end()) return &*same;
    out.push_back({address, std::move(process)});
    return &out.back();
  };
  for (DaprdProcess& process : processes_.find()) {
    const Address address = process.address;
    add(address, std::move(process));
  }
  // Called at the address that the user has named: only there the token is sent.
  for (const Address& address : options_.addresses) add(address, std::nullopt)->address = address;
  // Those that are restarting now.
  for (const auto& [key, daprd] : daprds_) add(daprd.address, std::nullopt);
  return out;
}

void Healer::look() {
  timer_ = 0;
  problems_.clear();
  recovered_.clear();
  bool again = false;
  for (const Candidate& candidate : candidates()) again |= look_at(candidate);
  publish_notice();
  // Logged when probe and /readyz no longer show the notice, so that they agree with the log.
  for (const std::string& line : recovered_) log_.info(line);
  if (!again) report_unknown();
  if (!again) return;
  timer_ = executor_.post_at(executor_.now() + delay_, [this] { look(); });
  delay_ = std::min<base::Duration>(2 * delay_, kLongestDelay);
}

bool Healer::look_at(const Candidate& candidate) {
  const auto metadata = api_.metadata(candidate.address);
  if (!metadata.ok()) return no_answer(candidate, metadata.status());
  std::set<std::string> components = components_with(metadata.value(), false);
  return components.empty() ? not_stale(candidate, metadata.value())
                            : stale(candidate, metadata.value(), std::move(components));
}

bool Healer::no_answer(const Candidate& candidate, const base::Status& problem) {
  const std::string key = candidate.address.text();
  if (const auto found = daprds_.find(key); found != daprds_.end()) {
    if (found->second.confirmed) return !gave_up(key);
    daprds_.erase(found);
  }
  if (problem.kind() == base::ErrorKind::kUnavailable) return false;
  problems_.push_back(key + ": " + problem.message());
  return problem.kind() == base::ErrorKind::kDeadlineExceeded &&
         executor_.now() - looking_since_ < kPatience;
}

bool Healer::stale(const Candidate& candidate, const DaprdMetadata& metadata,
                   std::set<std::string> components) {
  const base::TimePoint now = executor_.now();
  const auto [found, is_new] = daprds_.try_emplace(candidate.address.text());
  Daprd& daprd = found->second;
  daprd.last_stale = now;
  daprd.components.merge(components);
  if (is_new) {
    daprd.address = candidate.address;
    daprd.app_id = metadata.app_id;
    daprd.first_seen = now;
    // Without any Init so far, no reload of a Component can be in progress: no second look needed.
    if (served_.any_mark()) return true;
  }
  daprd.confirmed = true;
  if (!daprd.acted || now - *daprd.acted >= kActAgain) act(daprd, candidate, metadata);
  return true;
}

void Healer::act(Daprd& daprd, const Candidate& candidate, const DaprdMetadata& metadata) {
  const std::string what = "daprd of app " + base::quote(daprd.app_id) + " (" +
                           daprd.address.text() + ") has not called Init since this component " +
                           "was restarted, so " + join(daprd.components) +
                           " neither publishes nor receives: ";
  // Called before daprd is told, since its Init may come at once.
  const auto expect_init = [&] {
    served_.set_missed_restart(what + "it is being told to restart", true);
  };
  base::Status status;
  std::string done;
  switch (options_.remedy) {
    case Remedy::kReload:
      status = reloadable(candidate.process, metadata);
      if (!status.ok()) break;
      expect_init();
      status = processes_.reload(*candidate.process);
      done = "it was told to reload (SIGHUP), try again in a moment";
      break;
    case Remedy::kShutdown:
      expect_init();
      status = api_.shutdown(daprd.address);
      done = "it was asked to shut down, to be started again; try again in a moment";
      break;
    case Remedy::kNone: status = base::failed_precondition("--heal-daprd is off"); break;
  }
  if (!status.ok()) {
    done = "restart daprd (" + status.message() + "), or see --heal-daprd";
  }
  std::string notice = what + done;
  if (status.ok()) {
    daprd.acted = executor_.now();
    delay_ = kFirstDelay;
    log_.warn(notice);
  } else if (notice != daprd.notice) {
    log_.error(notice);
  }
  daprd.notice = std::move(notice);
}

bool Healer::not_stale(const Candidate& candidate, const DaprdMetadata& metadata) {
  const std::string key = candidate.address.text();
  const auto found = daprds_.find(key);
  if (found == daprds_.end()) return false;
  const Daprd& daprd = found->second;
  if (!daprd.confirmed) {  // it was reloading the Component at the first look
    daprds_.erase(found);
    return false;
  }
  const std::set<std::string> current = components_with(metadata, true);
  if (!std::includes(current.begin(), current.end(), daprd.components.begin(),
                     daprd.components.end())) {
    return !gave_up(key);
  }
  const auto took = std::chrono::duration_cast<milliseconds>(executor_.now() - daprd.first_seen);
  recovered_.push_back("daprd of app " + base::quote(daprd.app_id) + " (" + key +
                       ") had missed a restart of this component and has called Init again: " +
                       join(daprd.components) + " works, " + std::to_string(took.count()) +
                       " ms after that was found");
  daprds_.erase(found);
  return false;
}

bool Healer::gave_up(const std::string& key) {
  const auto found = daprds_.find(key);
  const Daprd& daprd = found->second;
  if (executor_.now() - daprd.last_stale < kPatience) return false;
  log_.warn("daprd of app " + base::quote(daprd.app_id) + " (" + key + ") is without " +
            join(daprd.components) + " a minute after it had missed a restart of this " +
            "component: it has ended, or no longer has it");
  daprds_.erase(found);
  return true;
}

void Healer::report_unknown() {
  if (!std::exchange(called_, false)) return;
  const base::Status missed = served_.missed_restart();
  if (missed.ok() || !daprds_.empty()) return;
  std::string text = missed.message() + ". No daprd was found that could be told to restart";
  for (const std::string& problem : problems_) text += "; " + problem;
  log_.error(text + ". Its HTTP API may be elsewhere: --daprd-address");
}

void Healer::publish_notice() {
  std::string notice;
  bool init_expected = false;
  for (const auto& [key, daprd] : daprds_) {
    if (!daprd.confirmed) continue;
    notice += (notice.empty() ? "" : "; ") + daprd.notice;
    init_expected |= daprd.acted.has_value();
  }
  served_.set_missed_restart(std::move(notice), init_expected);
}

std::set<std::string> Healer::components_with(const DaprdMetadata& metadata, bool current) const {
  const std::string prefix = served_.mark_prefix();
  std::set<std::string> out;
  for (const auto& [component, capabilities] : metadata.capabilities) {
    for (const std::string& capability : capabilities) {
      if (capability.starts_with(prefix) && served_.has_mark(capability) == current) {
        out.insert(component);
      }
    }
  }
  return out;
}

}  // namespace dapr_mqtt::sidecar
