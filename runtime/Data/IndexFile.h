// Keeps entries of an index in a file of records, each with a checksum.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace kinema {

// Maps names of videos to their encoded entries.
using IndexEntries = std::map<std::string, std::string, std::less<>>;

// Returns the entries of a file of records; none where there is no such file. Throws Error where the file is
// no index, or damaged. Where `whole` is asked for, the last record may not have been written to its end,
// because the process was killed: it is left out, and `whole` becomes the length of the others.
IndexEntries readIndex(const std::string &file, int64_t *whole = nullptr);

// Writes an index in full or not at all.
void writeIndex(const std::string &file, const IndexEntries &entries);

// Appends records to a file as they come, so that nothing is lost where the process is killed.
class IndexAppender {
public:
  // Opens or makes the file, and cuts off what was not written to its end. Throws Error where another process
  // appends to it.
  explicit IndexAppender(const std::string &file);
  ~IndexAppender();
  IndexAppender(const IndexAppender &) = delete;
  IndexAppender &operator=(const IndexAppender &) = delete;

  // Returns the entries that were there already.
  const IndexEntries &before() const { return entries; }
  void append(const std::string &encoded);
  // Removes the file, when its entries are elsewhere.
  void remove();

private:
  void write(std::string_view bytes);

  std::string file;
  int descriptor = -1;
  IndexEntries entries;
};

} // namespace kinema
