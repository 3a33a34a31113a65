// Lists what this machine can compute on.
#pragma once

#include <string>
#include <vector>

namespace kinema {

struct ListedDevice {
  std::string name;        // as makeDevice takes it
  std::string description; // for people, such as "2 cores, x86-64-v4"
};

// Lists the CPU, and the GPUs that the driver finds.
std::vector<ListedDevice> listDevices();

} // namespace kinema
