#include "runtime/Plots/EventRecord.h"

#include <gtest/gtest.h>

using namespace kinema;
using namespace std::string_literals;

namespace {

// The values are those of RFC 3720, appendix B.4, and the usual check of nine digits.
TEST(EventRecord, Checksum) {
  EXPECT_EQ(crc32c(std::string(32, 0)), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
}

// The bytes are those that TensorFlow's own writer makes of these events: length, its checksum, the event,
// its checksum.
TEST(EventRecord, IsATFRecordOfAnEvent) {
  EXPECT_EQ(firstEventRecord(1.5).substr(12, 26),
            "\x09\0\0\0\0\0\0\xf8\x3f\x10\0\x1a\x0d"s + "brain.Event:2");
  const EventScalar loss = {"loss", 0.5f};
  const std::string record = eventRecord(2, 300, {&loss, 1});
  EXPECT_EQ(record.substr(0, 8), "\x1b\0\0\0\0\0\0\0"s);
  EXPECT_EQ(record.substr(12, 27), "\x09\0\0\0\0\0\0\0\x40\x10\xac\x02\x2a\x0d"s
                                   "\x0a\x0b\x0a\x04loss\x15\0\0\0\x3f"s);
  EXPECT_EQ(record.size(), 12u + 27 + 4);
}

TEST(EventRecord, KeepsWholeRecordsUpToAStep) {
  const EventScalar loss = {"loss", 0.5f};
  const std::string first = firstEventRecord(1), one = eventRecord(2, 1, {&loss, 1}),
                    many = eventRecord(3, 1000, {&loss, 1});
  const std::string file = first + one + many;
  auto kept = [&](size_t records) {
    return static_cast<int64_t>(
        std::array{size_t{0}, first.size(), first.size() + one.size(), file.size()}[records]);
  };
  EXPECT_EQ(eventBytesUpTo(file, 1000), kept(3));
  EXPECT_EQ(eventBytesUpTo(file, 999), kept(2));
  EXPECT_EQ(eventBytesUpTo(file, 0), kept(1));
  EXPECT_EQ(eventBytesUpTo("", 5), 0);
  for (size_t size = 0; size < file.size(); ++size) { // a run that was killed while it wrote
    const size_t whole = size >= first.size() + one.size() ? 2 : size >= first.size() ? 1 : 0;
    EXPECT_EQ(eventBytesUpTo(file.substr(0, size), 1000), kept(whole)) << size;
  }
  std::string damaged = file;
  damaged[first.size() + 20] ^= 1;
  EXPECT_EQ(eventBytesUpTo(damaged, 1000), kept(1));
}

} // namespace
