// Finds the weights of a network, in a file or in its package, and the names of the classes that they tell
// apart. All functions throw Error.
#pragma once

#include "runtime/Program/Program.h"

#include <string>
#include <vector>

namespace kinema {

void requireWeights(const Package &package, const std::string &weights,
                    const std::string &option = "--weights");

// Holds weights that have been opened, with what messages call them and how their tensors are called.
struct OpenWeights {
  std::string origin;
  Naming naming;
  TensorReader file;
};

// Opens weights of a file or else those that the package carries.
OpenWeights openWeights(const Package &package, const std::string &weights, const std::string &names);

// Loads weights from a file or else from the package. Returns the names of the classes that they tell apart.
std::vector<std::string> loadWeights(Program &program, const Package &package, const std::string &weights,
                                     const std::string &names);

// Reads the names of the classes that a network was trained on from the file of its weights or else from
// those that the package carries, if there is one yet.
std::vector<std::string> classesOf(const std::string &weights, const Package *package = nullptr);

} // namespace kinema
