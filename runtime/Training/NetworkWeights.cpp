#include "runtime/Training/NetworkWeights.h"

#include "runtime/Support/Error.h"
#include "runtime/Training/Checkpoint.h"

namespace kinema {

void requireWeights(const Package &package, const std::string &weights, const std::string &option) {
  if (weights.empty() && !package.has(weightsEntry))
    refuse("package {} carries no weights; name a file with {}", package.path(), option);
}

std::vector<std::string> loadWeights(Program &program, const Package &package, const std::string &weights,
                                     const std::string &names) {
  const bool isOwn = weights.empty(); // which are named as the package names them
  TensorReader file(isOwn ? package.open(weightsEntry) : openTensors(weights));
  program.loadWeights(file, isOwn ? package.path() : weights, findNaming(isOwn ? "" : names));
  return classNamesIn(file.header());
}

std::vector<std::string> classesOf(const std::string &weights, const Package *package) {
  if (!weights.empty())
    return classNamesIn(readTensorHeader(weights));
  if (package && package->has(weightsEntry))
    return classNamesIn(TensorReader(package->open(weightsEntry)).header());
  return {};
}

} // namespace kinema
