// Passwords and certificates in files that change while messages go both ways: nothing is lost, no
// publish fails, and bad material leaves the connection as it is.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <thread>

#include "integration/component_test.h"
#include "support/scratch_folder.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

constexpr const char* kRenewal = "reconnecting with changed credentials";

/// A folder as the kubelet makes it of a secret: the files are links into `..data`, itself a link
/// that is replaced.
class SecretVolume {
 public:
  using Files = std::map<std::string, std::string>;

  explicit SecretVolume(const Files& files) {
    replace(files);
    for (const auto& [name, content] : files)
      fs::create_symlink("..data/" + name, folder_.path() / name);
  }
  std::string path(const std::string& name) const { return folder_.file(name); }
  /// All at once.
  void replace(const Files& files) {
    const std::string version = "..v" + std::to_string(++version_);
    fs::create_directory(folder_.path() / version);
    for (const auto& [name, content] : files) write(folder_.path() / version / name, content);
    files_ = files;
    fs::create_symlink(version, folder_.path() / "..data_tmp");
    fs::rename(folder_.path() / "..data_tmp", folder_.path() / "..data");
  }
  void replace(const std::string& name, const std::string& content) {
    Files files = files_;
    files[name] = content;
    replace(files);
  }
  /// As an editor does that writes in place.
  void overwrite(const std::string& name, const std::string& content) {
    files_[name] = content;
    write(path(name), content);
  }

 private:
  static void write(const fs::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
  }

  const ScratchFolder folder_;
  Files files_;
  int version_ = 0;
};

/// Publishes one after the other, and takes what comes, until stopped.
class Traffic {
 public:
  explicit Traffic(const std::string& address, const Properties& metadata)
      : client_(address), init_(client_.init(metadata)) {
    if (!init_.ok()) return;
    stream_ = client_.pull("t");
    publisher_ = std::thread([this] {
      while (!stop_) {
        const grpc::Status status = client_.publish("t", std::to_string(sent_));
        if (!status.ok()) failures_.push_back(status.error_message());
        ++sent_;
      }
    });
    consumer_ = std::thread([this] {
      while (!all_sent_ || static_cast<int>(received_.size()) < sent_) {
        const bool last = all_sent_;
        const auto message = stream_->next(std::chrono::seconds(last ? 20 : 1));
        if (!message && last) break;
        if (!message) continue;
        received_.insert(message->data());
        stream_->ack(message->id());
      }
    });
  }
  const grpc::Status& init() const { return init_; }
  void stop() {
    stop_ = true;
    if (publisher_.joinable()) publisher_.join();
    all_sent_ = true;
    if (consumer_.joinable()) consumer_.join();
  }
  ~Traffic() { stop(); }

  int sent() const { return sent_; }
  const std::vector<std::string>& failures() const { return failures_; }
  std::size_t received() const { return received_.size(); }
  std::vector<int> lost() const {
    std::vector<int> out;
    for (int i = 0; i < sent_; ++i) {
      if (!received_.contains(std::to_string(i))) out.push_back(i);
    }
    return out;
  }

 private:
  ComponentClient client_;
  const grpc::Status init_;
  std::unique_ptr<PullStream> stream_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> all_sent_{false};
  std::atomic<int> sent_{0};
  std::vector<std::string> failures_;
  std::set<std::string> received_;
  std::thread publisher_;
  std::thread consumer_;
};

class Rotation : public ::testing::Test {
 protected:
  void SetUp() override { DAPR_MQTT_NEEDS_MOSQUITTO(); }

  void start(const Properties& more) { start(more, MosquittoOptions{}); }
  void start(const Properties& more, const CertificateAuthority& ca, const Identity& server) {
    MosquittoOptions options;
    options.ca_pem = ca.pem();
    options.server = server;
    options.require_client_certificate = true;
    start(more, options);
  }
  void start(const Properties& more, MosquittoOptions options) {
    options.users = {{"user", "hush-0"}};
    broker_ = std::make_unique<Mosquitto>(options);
    Properties metadata{{"url", broker_->url()}, {"consumerID", "app"},     {"qos", "1"},
                        {"username", "user"},    {"cleanSession", "false"}, {"inbox", "broker"}};
    for (const auto& [key, value] : more) metadata[key] = value;
    traffic_ = std::make_unique<Traffic>(component_.address(), metadata);
    ASSERT_TRUE(traffic_->init().ok()) << traffic_->init().error_message();
    expect_connected(0);
  }
  /// Both connections have said so since `from`.
  void expect_from_both(const std::string& text, std::size_t from) {
    for (const char* role : {"publisher", "consumer"}) {
      EXPECT_TRUE(
          component_.process().wait_for_output(std::string("MQTT ") + role + ": " + text, from))
          << text << "\n"
          << component_.process().output();
    }
  }
  void change_and_expect(const std::function<void()>& change, const std::string& text) {
    const std::size_t from = component_.process().output().size();
    change();
    expect_from_both(text, from);
    // An attempt that is still to come would read the next change already.
    if (text == kRenewal) expect_connected(from);
  }
  void expect_connected(std::size_t from) {
    for (const char* role : {"publisher", "consumer"}) {
      EXPECT_TRUE(
          component_.process().wait_for_output(std::string("MQTT ") + role + " connected", from));
    }
  }
  void finish() {
    traffic_->stop();
    EXPECT_THAT(traffic_->failures(), ::testing::IsEmpty());
    EXPECT_THAT(traffic_->lost(), ::testing::IsEmpty()) << "of " << traffic_->sent();
    EXPECT_GT(traffic_->sent(), 100);
    EXPECT_THAT(component_.process().output(), Not(HasSubstr("hush")));
    EXPECT_THAT(component_.process().output(), Not(HasSubstr("PRIVATE KEY")));
    std::printf("%d publishes, %zu received, %zu failed\n", traffic_->sent(), traffic_->received(),
                traffic_->failures().size());
  }
  static int rounds() {
    const char* wanted = std::getenv("DAPR_MQTT_TEST_ROTATIONS");
    return wanted != nullptr ? std::atoi(wanted) : 1;
  }

  const CertificateAuthority ca_;
  ComponentProcess component_;
  std::unique_ptr<Mosquitto> broker_;
  std::unique_ptr<Traffic> traffic_;
};

TEST_F(Rotation, of_a_password_good_and_bad_loses_nothing) {
  SecretVolume secret(SecretVolume::Files{{"password", "hush-0"}});
  start({{"passwordFile", secret.path("password")}});
  for (int i = 1; i <= rounds(); ++i) {
    const std::string good = "hush-" + std::to_string(i);
    // The file is first: refused, and the old one goes on working.
    const std::size_t change = component_.process().output().size();
    change_and_expect([&] { secret.replace("password", good); },
                      "changed credentials are refused: " + broker_->url());
    expect_connected(change);
    // The broker follows, and drops those with the old one: they come back with the new one.
    change_and_expect([&] { broker_->set_password("user", good); },
                      "the credentials in the files are in use");
    change_and_expect([&] { secret.overwrite("password", ""); },
                      "changed credentials cannot be used");
    change_and_expect([&] { secret.overwrite("password", good + "\n"); },
                      "the credentials in the files");
  }
  finish();
}

TEST_F(Rotation, of_certificates_good_bad_and_half_written_loses_nothing) {
  const Identity first = ca_.client("one");
  SecretVolume secret(
      {{"ca.crt", ca_.pem()}, {"tls.crt", first.cert_pem}, {"tls.key", first.key_pem}});
  start({{"password", "hush-0"},
         {"caCertFile", secret.path("ca.crt")},
         {"clientCertFile", secret.path("tls.crt")},
         {"clientKeyFile", secret.path("tls.key")}},
        ca_, ca_.server());
  const CertificateAuthority other("another CA");
  const auto pair = [&](const Identity& identity) {
    return SecretVolume::Files{
        {"ca.crt", ca_.pem()}, {"tls.crt", identity.cert_pem}, {"tls.key", identity.key_pem}};
  };
  for (int i = 1; i <= rounds(); ++i) {
    const Identity good = ca_.client("client-" + std::to_string(i));
    change_and_expect([&] { secret.replace(pair(good)); }, kRenewal);
    const Identity next = ca_.client("next-" + std::to_string(i));
    // One file of two, and half of it.
    change_and_expect([&] { secret.overwrite("tls.crt", next.cert_pem.substr(0, 200)); },
                      "changed credentials cannot be used: clientCertFile");
    change_and_expect([&] { secret.overwrite("tls.crt", next.cert_pem); },
                      "changed credentials cannot be used: clientKeyFile");
    change_and_expect([&] { secret.overwrite("tls.key", next.key_pem); }, kRenewal);
    // Well-formed, and of no use with this broker.
    change_and_expect([&] { secret.replace(pair(other.client())); },
                      "changed credentials are refused");
    change_and_expect([&] { secret.replace(pair(next)); },
                      "the credentials in the files are in use");
    change_and_expect([&] { secret.replace("ca.crt", other.pem()); },
                      "changed credentials are refused");
    change_and_expect([&] { secret.replace("ca.crt", ca_.pem() + other.pem()); }, kRenewal);
  }
  finish();
}

/// A CA that ends 10 s after it was made, with the broker's certificate and the client's.
struct BriefCa {
  BriefCa(int number, const CertificateAuthority& of_clients)
      : ca("CA " + std::to_string(number), kValidity),
        server(ca.server()),
        client(of_clients.client("client", kValidity)) {}
  SecretVolume::Files files(const std::string& trusted) const {
    return {{"ca.crt", trusted}, {"tls.crt", client.cert_pem}, {"tls.key", client.key_pem}};
  }
  static constexpr std::chrono::seconds kValidity{10};
  std::chrono::steady_clock::time_point ends = std::chrono::steady_clock::now() + kValidity;
  CertificateAuthority ca;
  Identity server;
  Identity client;
};

TEST_F(Rotation, of_a_CA_that_is_valid_for_ten_seconds_outlives_each) {
  // mosquitto reads its own certificate again, but not the CA that it knows clients by.
  std::optional<BriefCa> now(std::in_place, 0, ca_);
  SecretVolume secret(now->files(now->ca.pem()));
  start({{"password", "hush-0"},
         {"caCertFile", secret.path("ca.crt")},
         {"clientCertFile", secret.path("tls.crt")},
         {"clientKeyFile", secret.path("tls.key")}},
        ca_, now->server);
  std::size_t change = 0;
  for (int i = 1; i <= 3 + rounds(); ++i) {
    BriefCa next(i, ca_);
    change = component_.process().output().size();
    secret.replace(next.files(now->ca.pem() + next.ca.pem()));
    expect_from_both(kRenewal, change);
    expect_connected(change);
    broker_->set_server(next.server);
    now.emplace(std::move(next));
  }
  // Nobody renews the last one in time. What is connected stays so, and it is said.
  for (const char* what : {"client", "CA", "broker's"}) {
    expect_from_both(std::string("the ") + what + " certificate expired at ", change);
  }
  // Then somebody does.
  const BriefCa late(99, ca_);
  broker_->set_server(late.server);
  change_and_expect([&] { secret.replace(late.files(late.ca.pem())); }, kRenewal);
  finish();
}

}  // namespace
}  // namespace dapr_mqtt::testing
