#include "runtime/Package/Names.h"

#include "runtime/Support/Error.h"

#include <memory>
#include <regex>
#include <utility>
#include <vector>

namespace kinema {
namespace {

using Patterns = std::vector<std::pair<std::regex, std::string>>;

// Maps to the names of torchvision.models.video. There, a conv and its batch norm stand in an nn.Sequential,
// so that their names are positions; in a (2+1)D conv, the spatial conv, batch norm, ReLU and temporal conv
// are 0, 1, 2 and 3 of an inner one.
Patterns torchvisionPatterns() {
  const std::pair<const char *, const char *> table[] = {
      {R"(stem\.(?:spatial\.)?(weight|bias))", "stem.0.$1"},
      {R"(stem\.(?:spatial\.)?bn\.(\w+))", "stem.1.$1"},
      {R"(stem\.temporal\.(weight|bias))", "stem.3.$1"},
      {R"(stem\.temporal\.bn\.(\w+))", "stem.4.$1"},
      {R"(stage(\d+)\.(\d+)\.(conv\d+)\.(weight|bias))", "layer$1.$2.$3.0.$4"},
      {R"(stage(\d+)\.(\d+)\.(conv\d+)\.spatial\.(weight|bias))", "layer$1.$2.$3.0.0.$4"},
      {R"(stage(\d+)\.(\d+)\.(conv\d+)\.spatial\.bn\.(\w+))", "layer$1.$2.$3.0.1.$4"},
      {R"(stage(\d+)\.(\d+)\.(conv\d+)\.temporal\.(weight|bias))", "layer$1.$2.$3.0.3.$4"},
      {R"(stage(\d+)\.(\d+)\.(conv\d+)\.(?:temporal\.)?bn\.(\w+))", "layer$1.$2.$3.1.$4"},
      {R"(stage(\d+)\.(\d+)\.shortcut\.(weight|bias))", "layer$1.$2.downsample.0.$3"},
      {R"(stage(\d+)\.(\d+)\.shortcut\.bn\.(\w+))", "layer$1.$2.downsample.1.$3"},
      {R"(fc\.(weight|bias))", "fc.$1"},
  };
  Patterns patterns;
  for (const auto &[pattern, name] : table)
    patterns.emplace_back(pattern, name);
  return patterns;
}

} // namespace

NameMap findNames(const std::string &naming) {
  if (naming.empty())
    return {};
  if (naming != "torchvision")
    refuse("--names: there is no naming '{}'; there is torchvision", naming);
  return [patterns = std::make_shared<const Patterns>(torchvisionPatterns())](
             const std::string &name) -> std::string {
    for (const auto &[pattern, replacement] : *patterns)
      if (std::smatch match; std::regex_match(name, match, pattern))
        return match.format(replacement);
    return "";
  };
}

std::string nameInFile(const NameMap &names, const std::string &name) {
  if (!names)
    return name;
  std::string mapped = names(name);
  if (mapped.empty())
    fail("parameter {} has no name in the chosen naming; leave --names out to use the spec's names", name);
  return mapped;
}

} // namespace kinema
