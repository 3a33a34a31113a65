// Provides memory of this machine for the devices that compute on it.
#pragma once

#include <cstdint>

namespace kinema {

// Owns zeroed pages, big ones where the system has them. Memory is taken when it is touched.
class Pages {
public:
  Pages() = default;
  // Allocates. Throws Error, whose message names the purpose.
  Pages(int64_t bytes, const char *purpose);
  Pages(Pages &&other) noexcept { swap(other); }
  Pages &operator=(Pages &&other) noexcept {
    swap(other);
    return *this;
  }
  ~Pages();
  char *data() const { return static_cast<char *>(memory); }
  int64_t size() const { return bytes; }

private:
  void swap(Pages &other) noexcept;
  void *memory = nullptr;
  int64_t bytes = 0;
};

// A HostArena is the arena of a program (Device.h). All functions throw Error where bytes lie outside it.
class HostArena {
public:
  HostArena() = default;
  explicit HostArena(int64_t bytes) : pages(bytes, "the arena") {}

  char *at(int64_t offset, int64_t bytes) const;
  int64_t size() const { return pages.size(); }
  void copyIn(int64_t offset, const void *from, int64_t bytes);
  void copyOut(int64_t offset, void *to, int64_t bytes) const;
  // `bytes` is a multiple of 4.
  void fill(int64_t offset, int64_t bytes, uint32_t pattern);

private:
  Pages pages;
};

} // namespace kinema
