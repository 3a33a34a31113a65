// Writes records of TensorBoard's event files: a TFRecord that holds an Event of TensorFlow's event.proto.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kinema {

struct EventScalar {
  std::string_view tag; // such as "train/loss"
  float value = 0;
};

// Returns the record with which an event file begins. `wallTime` counts seconds since 1970.
std::string firstEventRecord(double wallTime);

// Returns a record of scalars at a step.
std::string eventRecord(double wallTime, int64_t step, std::span<const EventScalar> scalars);

// Returns the length of the part of an event file that holds whole, undamaged records of steps up to `step`,
// in bytes, from the start to the first record that is not of this kind or that is one too many with the
// scalar `tag`, of which there are `most`. Without a tag, all count.
int64_t eventBytesUpTo(std::string_view file, int64_t step, std::string_view tag = {}, int64_t most = 0);

// Computes the CRC-32C of the bytes (RFC 3720, appendix B.4).
uint32_t crc32c(std::string_view bytes);

} // namespace kinema
