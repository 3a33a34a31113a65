#include "runtime/Training/NetworkWeights.h"

#include "runtime/Support/Error.h"
#include "runtime/Training/Checkpoint.h"

namespace kinema {

void requireWeights(const Package &package, const std::string &weights, const std::string &option) {
  if (weights.empty() && !package.has(weightsEntry))
    refuse("package {} carries no weights; name a file with {}", package.path(), option);
}

void loadWeights(Program &program, const Package &package, const std::string &weights,
                 const std::string &names) {
  if (!weights.empty())
    return program.loadWeights(readTensors(weights), weights, findNaming(names));
  program.loadWeights(parseTensors(package.read(weightsEntry), package.path()), package.path());
}

std::vector<std::string> classesOf(const std::string &weights, const Package *package) {
  if (!weights.empty())
    return classNamesIn(readTensorHeader(weights));
  if (package && package->has(weightsEntry))
    return classNamesIn(parseTensors(package->read(weightsEntry), package->path()));
  return {};
}

} // namespace kinema
