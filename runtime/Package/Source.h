// Reads bytes that lie in a file, in memory, or in a part of either.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kinema {

// A Source is a row of bytes that does not change. Several threads may read from it at a time.
class Source {
public:
  virtual ~Source() = default;

  // Reads `count` bytes from `offset` on, all of which must lie within. Throws Error, naming the source,
  // where they cannot be read.
  virtual void read(int64_t offset, void *to, int64_t count) const = 0;
  std::string read(int64_t offset, int64_t count) const;

  const std::string name; // for messages
  const int64_t bytes;

protected:
  Source(std::string name, int64_t bytes) : name(std::move(name)), bytes(bytes) {}
};

// Opens a file, which stays open; throws Error.
std::unique_ptr<const Source> openFile(const std::string &path);
// These keep the bytes, or refer to what must outlive them.
std::unique_ptr<const Source> sourceOf(std::string content, const std::string &name);
std::unique_ptr<const Source> sourceOfView(std::string_view content, const std::string &name);
std::unique_ptr<const Source> partOf(const Source &whole, int64_t offset, int64_t bytes);

} // namespace kinema
