// Keeps the checkpoints of a run's last epochs beside the latest one, as FOLDER/epoch-12.safetensors.
#pragma once

#include <cstdint>
#include <string>

namespace kinema {

// Returns the name of the checkpoint that ended an epoch, counted from 1.
std::string epochCheckpoint(const std::string &folder, int64_t epoch);

// Removes the checkpoints of the epochs up to `epoch`, and what killed processes left of any epoch's. Other
// files, whatever their names begin with, stay. Throws Error where one cannot be removed.
void removeEpochCheckpoints(const std::string &folder, int64_t epoch);

} // namespace kinema
