#include "runtime/Training/NetworkWeights.h"

#include "runtime/Support/Error.h"
#include "runtime/Training/Checkpoint.h"

namespace kinema {

void requireWeights(const Package &package, const std::string &weights, const std::string &option) {
  if (weights.empty() && !package.has(weightsEntry))
    refuse("package {} carries no weights; name a file with {}", package.path(), option);
}

OpenWeights openWeights(const Package &package, const std::string &weights, const std::string &names) {
  if (!weights.empty())
    return {weights, findNaming(names), TensorReader(openTensors(weights))};
  return {package.path(), Naming(), TensorReader(package.open(weightsEntry))}; // called as the package does
}

std::vector<std::string> loadWeights(Program &program, const Package &package, const std::string &weights,
                                     const std::string &names) {
  OpenWeights opened = openWeights(package, weights, names);
  program.loadWeights(opened.file, opened.origin, opened.naming);
  return classNamesIn(opened.file.header());
}

std::vector<std::string> classesOf(const std::string &weights, const Package *package) {
  if (!weights.empty())
    return classNamesIn(readTensorHeader(weights));
  if (package && package->has(weightsEntry))
    return classNamesIn(TensorReader(package->open(weightsEntry)).header());
  return {};
}

} // namespace kinema
