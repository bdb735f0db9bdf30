// A limited amount of memory that many callers reserve parts of.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace dapr_mqtt::base {

/// Counts bytes that callers intend to use; allocates none of them itself. Thread-safe and
/// lock-free. Reservations may outlive it.
class MemoryBudget {
 private:
  using Sum = std::atomic<std::size_t>;

 public:
  /// Some bytes of the budget, until it is destroyed. Movable.
  class Reservation {
   public:
    Reservation() = default;
    Reservation(Reservation&&) noexcept = default;
    Reservation& operator=(Reservation&& other) noexcept {
      release();
      sum_ = std::move(other.sum_);
      bytes_ = other.bytes_;
      return *this;
    }
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;
    ~Reservation() { release(); }

    /// Idempotent.
    void release() {
      if (const auto sum = std::move(sum_)) sum->fetch_sub(bytes_, std::memory_order_relaxed);
    }

   private:
    friend class MemoryBudget;
    Reservation(std::shared_ptr<Sum> sum, std::size_t bytes)
        : sum_(std::move(sum)), bytes_(bytes) {}

    std::shared_ptr<Sum> sum_;
    std::size_t bytes_ = 0;
  };

  explicit MemoryBudget(std::size_t bytes) : size_(bytes) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// None when so many bytes are not free.
  std::optional<Reservation> reserve(std::size_t bytes) {
    if (bytes > size_) return std::nullopt;
    // Of two concurrent callers both may be refused where one would fit, but together they never
    // get more than there is.
    if (reserved_->fetch_add(bytes, std::memory_order_relaxed) > size_ - bytes) {
      reserved_->fetch_sub(bytes, std::memory_order_relaxed);
      return std::nullopt;
    }
    return Reservation(reserved_, bytes);
  }

  std::size_t size() const { return size_; }
  std::size_t reserved() const { return reserved_->load(std::memory_order_relaxed); }

 private:
  const std::size_t size_;
  const std::shared_ptr<Sum> reserved_ = std::make_shared<Sum>(0);
};

}  // namespace dapr_mqtt::base
