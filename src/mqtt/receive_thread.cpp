#include "mqtt/receive_thread.h"

#include <poll.h>
#include <pthread.h>

#include <array>
#include <utility>

namespace dapr_mqtt::mqtt {

ReceiveThread::ReceiveThread(std::shared_ptr<Channel> channel, std::shared_ptr<Waker> waker)
    : channel_(std::move(channel)), waker_(std::move(waker)), thread_([this] { run(); }) {}

ReceiveThread::~ReceiveThread() { stop(); }

void ReceiveThread::stop() {
  stopping_ = true;
  waker_->wake();
  if (thread_.joinable()) thread_.join();
}

void ReceiveThread::run() {
  ::pthread_setname_np(::pthread_self(), "mqtt-receive");
  std::array<char, 64U << 10U> buffer;
  while (!stopping_ && !channel_->ended()) {
    if (!channel_->wants_receive()) {
      if (!waker_->sleep()) {
        waker_->awake();
        continue;
      }
      pollfd fds[] = {{channel_->fd(), 0, 0}, {waker_->fd(), POLLIN, 0}};
      if (channel_->wants_read()) fds[0].events |= POLLIN;
      if (channel_->wants_write()) fds[0].events |= POLLOUT;
      if (fds[0].events == 0) fds[0].fd = -1;  // otherwise POLLHUP would end each poll()
      int ready = 0;
      if (channel_->tcp_ack_pending()) {
        ready = ::poll(fds, 2, 0);
        if (ready == 0) channel_->before_long_wait();
      }
      if (ready == 0) ::poll(fds, 2, -1);
      waker_->awake();
      if (fds[1].revents != 0) waker_->drain();
      if ((fds[0].revents & POLLOUT) != 0) channel_->writable();
    }
    if (stopping_) return;
    channel_->receive(buffer.data(), buffer.size());
  }
}

}  // namespace dapr_mqtt::mqtt
