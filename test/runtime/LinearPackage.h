// Makes a package of a linear classifier by hand: clips of [3, 1, 2, 3], 4 a batch, 3 classes.
#pragma once

#include "test/TemporaryFolder.h"

#include <nlohmann/json.hpp>

#include <string>

namespace kinema::test {

nlohmann::json linearManifest(bool train = true);

// Returns the manifest with a second input, flow [4, 2, 1, 2, 3], which no kernel reads.
nlohmann::json twoInputManifest();

// Returns the kernels' shared object.
std::string linearCode();

// Writes the package and returns its path.
std::string writeLinearPackage(const std::string &path, const nlohmann::json &manifest = linearManifest());

// Writes a list of so many videos, and the videos beside it. Each has one colour: red, green or blue is its
// label. Returns the list's path.
std::string writeVideos(const TemporaryFolder &folder, const std::string &list, int count);

// Returns the message of the Error that `action` throws; an empty string if it throws none.
template <typename Action> std::string errorOf(Action &&action);

} // namespace kinema::test

#include "runtime/Support/Error.h"

template <typename Action> std::string kinema::test::errorOf(Action &&action) {
  try {
    action();
  } catch (const kinema::Error &error) {
    return error.what();
  }
  return "";
}
