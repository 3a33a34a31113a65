// Implements `kinema diff`: in what two networks, packages or files of weights differ.
#include "compiler/Inspect/Diff.h"
#include "runtime/Commands/CommandLine.h"
#include "runtime/Program/WeightDiff.h"
#include "runtime/Program/WeightMatch.h"
#include "runtime/Support/Columns.h"
#include "runtime/Support/Error.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/Exit.h"
#include "tools/kinema/Outline.h"
#include "tools/kinema/SpecOptions.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

using nlohmann::json;

namespace kinema {

namespace {
/// Like diff: nothing differs, something does, and what is compared cannot be read.
enum Status { same = 0, different = 1, trouble = 2 };

struct SideOptions {
  std::string path, names;
  std::vector<std::string> settings; // beside those of both
};

struct DiffOptions {
  SpecOptions both;
  std::string names; // of both
  SideOptions a, b;
  bool json = false;
};

/// A Side is one of the two things that are compared.
struct Side {
  enum class Kind { Spec, Package, Weights };

  std::string path;
  Kind kind = Kind::Spec;
  std::optional<inspect::LayerTable> table; // of a spec
  std::optional<Manifest> network;          // of a spec or a package
  TensorFile tensors; // those of a network have no elements, unless a package has weights
  Naming naming;      // of weights

  const char *word() const {
    return kind == Kind::Spec ? "spec" : kind == Kind::Package ? "package" : "weights";
  }
};

TensorFile tensorsOf(const Manifest &network) {
  TensorFile file;
  for (const Parameter &parameter : network.parameters) {
    FileTensor &tensor = file.tensors.emplace_back();
    tensor.name = parameter.name;
    tensor.type = parameter.type;
    tensor.shape = parameter.fileShape;
  }
  return file;
}

void readSpec(const SpecOptions &options, Side &side) {
  FrontendOptions frontend = frontendOptions(options);
  frontend.batch = 1; // digests of networks are compared
  Compilation compilation({}, frontend, options.threads, llvm::errs());
  require(compilation.fromSpec(options.spec, Phase::Clip));
  auto table = inspect::describeNetwork(compilation.module());
  require(mlir::failed(table) ? Outcome::Failed : Outcome::Done);
  side.table = std::move(*table);
  side.network = outlineOf(compilation.module(), /*train=*/false);
  side.tensors = tensorsOf(*side.network);
}

void readPackage(Side &side) {
  side.kind = Side::Kind::Package;
  const Package package(side.path);
  side.network = readManifests(package).front();
  side.tensors = package.has(weightsEntry) ? parseTensors(package.read(weightsEntry), side.path)
                                           : tensorsOf(*side.network);
}

Side read(const DiffOptions &options, const SideOptions &given) {
  Side side;
  side.path = given.path;
  SpecOptions spec = options.both;
  spec.spec = given.path;
  spec.settings.insert(spec.settings.end(), given.settings.begin(), given.settings.end());
  const std::string &names = given.names.empty() ? options.names : given.names;
  if (given.path.ends_with(".safetensors")) {
    side.kind = Side::Kind::Weights;
    side.naming = findNaming(names);
    side.tensors = readTensors(given.path);
    return side;
  }
  if (!given.names.empty())
    refuse("{} is no file of weights, which are called *.safetensors: leave its names out", given.path);
  if (isPackage(given.path)) {
    refuseChanges(spec, {});
    readPackage(side);
  } else {
    readSpec(spec, side);
  }
  return side;
}

/// Lists (what, A's, B's) of two recipes.
std::vector<std::array<std::string, 3>> differencesOf(const Recipe &a, const Recipe &b) {
  std::vector<std::array<std::string, 3>> differences;
  const std::vector<std::string> as = settingsOf(a), bs = settingsOf(b);
  for (size_t i = 0; i < as.size(); ++i)
    if (as[i] != bs[i]) {
      const size_t name = as[i].find('=');
      differences.push_back({as[i].substr(0, name), as[i].substr(name + 1), bs[i].substr(name + 1)});
    }
  return differences;
}

/// Lists likewise how two networks differ of which one is a package, beside their parameters and recipes.
std::vector<std::array<std::string, 3>> differencesOf(const Manifest &a, const Manifest &b) {
  auto inputs = [](const Manifest &network) {
    std::vector<std::string> texts;
    for (const InputTensor &input : network.inputs) // of which the first size is the batch's
      texts.push_back(
          fmt::format("{} {}", input.name, fmt::join(input.shape.begin() + 1, input.shape.end(), "x")));
    return fmt::format("{}", fmt::join(texts, ", "));
  };
  std::vector<std::array<std::string, 3>> differences;
  for (const auto &[what, one, other] : {std::array<std::string, 3>{"inputs", inputs(a), inputs(b)},
                                         {"classes", fmt::to_string(a.classes), fmt::to_string(b.classes)}})
    if (one != other)
      differences.push_back({what, one, other});
  return differences;
}

/// Returns a table of three columns.
std::string tableOf(const char *what, const std::vector<std::array<std::string, 3>> &rows) {
  if (rows.empty())
    return "";
  std::vector<std::vector<std::string>> cells = {{what, "A", "B"}};
  for (const auto &row : rows)
    cells.emplace_back(row.begin(), row.end());
  return "\n" + inColumns(cells);
}

json jsonOf(const std::vector<std::array<std::string, 3>> &rows, const char *what) {
  json list = json::array();
  for (const auto &[name, a, b] : rows)
    list.push_back({{what, name}, {"a", a}, {"b", b}});
  return list;
}

/// A Report is what is said about a difference, in both forms.
struct Report {
  bool isEmpty = true;
  std::string text;
  json object = json::object();

  void add(const std::vector<std::array<std::string, 3>> &rows, const char *key, const char *what) {
    isEmpty &= rows.empty();
    text += tableOf(key, rows);
    object[key] = jsonOf(rows, what);
  }
};

json jsonOf(const WeightDifference &difference) {
  json tensors = json::array();
  for (const TensorPair &pair : difference.tensors) {
    auto side = [](const FileTensor *tensor) { return tensor ? json(tensor->shape) : json(); };
    tensors.push_back({{"name", pair.name()}, {"a", side(pair.a)}, {"b", side(pair.b)}});
  }
  json values = {{"differ", difference.otherValues}};
  if (difference.otherValues > 0)
    values.update({{"most", difference.most}, {"by", difference.by}});
  return {{"different", tensors},
          {"alike", difference.alike},
          {"values", values},
          {"same_classes", difference.classesA == difference.classesB}};
}

/// Gives the tensors of a file the names of specs.
void rename(Side &side) {
  if (side.kind == Side::Kind::Weights && side.naming)
    side.tensors = renameWeights(side.tensors, side.path, side.naming, Naming());
}

void reportTensors(Side &a, Side &b, Report &report) {
  rename(a);
  rename(b);
  const WeightDifference difference = compareWeights(a.tensors, b.tensors);
  report.isEmpty &= difference.isEmpty();
  report.text += describe(difference);
  report.object["tensors"] = jsonOf(difference);
}

void reportMatch(const Side &network, const Side &weights, Report &report) {
  const WeightMatch match = findWeights(*network.network, weights.tensors, weights.naming);
  const int64_t parameters = static_cast<int64_t>(match.parameters.size());
  report.isEmpty &= match.matched() == parameters && match.unused.empty();
  report.text += fmt::format("{} of {} parameters of {} are in {}, which has {} tensors more\n",
                             match.matched(), parameters, network.path, weights.path, match.unused.size());
  json lacking = json::array(), unused = json::array();
  std::string lines = "\n", hint;
  for (const ParameterSource &source : match.parameters)
    if (!source.tensor) {
      if (hint.empty() && !weights.tensors.find(source.name))
        hint = otherNaming(*network.network, weights.tensors, weights.naming, source.parameter->name);
      lines += fmt::format("{}: {}{}\n", source.parameter->name, source.why, source.remedy);
      lacking.push_back({{"parameter", source.parameter->name},
                         {"tensor", source.name},
                         {"why", source.why + source.remedy}});
    }
  for (const FileTensor *tensor : match.unused) {
    lines +=
        fmt::format("{} belongs to no parameter: {}\n", tensor->name, describe(tensor->type, tensor->shape));
    unused.push_back({{"tensor", tensor->name}, {"shape", tensor->shape}});
  }
  if (!hint.empty()) // then the lines would tell of names
    report.text += "the names are those of another library" + hint + "\n";
  else if (!report.isEmpty)
    report.text += lines;
  report.object["weights"] = {
      {"parameters", parameters}, {"matched", match.matched()}, {"lacking", lacking}, {"unused", unused}};
}

Report compare(Side &a, Side &b) {
  Report report;
  if (a.network && b.network) {
    if (a.table && b.table) {
      const inspect::NetworkDifference difference = inspect::compareNetworks(*a.table, *b.table);
      report.isEmpty &= difference.isEmpty();
      report.text += inspect::toText(difference);
      report.object.update(inspect::toJson(difference));
    } else {
      reportTensors(a, b, report);
      report.add(differencesOf(*a.network, *b.network), "network", "what");
    }
    report.add(differencesOf(a.network->recipe, b.network->recipe), "recipe", "setting");
  } else if (a.network) {
    reportMatch(a, b, report);
  } else if (b.network) {
    reportMatch(b, a, report);
  } else {
    reportTensors(a, b, report);
  }
  return report;
}

std::string headOf(const char *letter, const Side &side) {
  return fmt::format("{}: {}, {}{}\n", letter, side.path, side.word(),
                     side.network ? " of " + side.network->name : "");
}

Status diff(const DiffOptions &options) {
  Side a = read(options, options.a), b = read(options, options.b);
  Report report = compare(a, b);
  if (options.json) {
    report.object["equal"] = report.isEmpty;
    for (const auto &[letter, side] : {std::pair("a", &a), {"b", &b}})
      report.object["sides"][letter] = {{"path", side->path}, {"kind", side->word()}};
    fmt::print("{}\n", report.object.dump(1, ' ', false, json::error_handler_t::replace));
  } else if (report.isEmpty) {
    fmt::print("{} and {} are the same\n", a.path, b.path);
  } else {
    fmt::print("{}{}\n{}", headOf("A", a), headOf("B", b), report.text);
  }
  if (std::fflush(stdout) != 0)
    refuse("cannot write to the standard output");
  return report.isEmpty ? same : different;
}

/// Ends the command as diff does: what other commands call failed work has the status of trouble, too.
void diffOrTrouble(const DiffOptions &options) {
  Status status = trouble;
  try {
    status = diff(options);
  } catch (const Error &error) {
    throw Error(error.what(), trouble);
  } catch (const Exit &) {
  }
  if (status != same)
    throw Exit{status};
}
} // namespace

void addDiff(CLI::App &app) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App *command = app.add_subcommand(
      "diff",
      "tell in what two specs, packages or files of weights differ, layer by layer; the exit status is "
      "0 where they are the same, 1 where they differ, 2 where one of them cannot be read");
  command->add_option("A", options->a.path, "a spec, a package or weights (*.safetensors)")->required();
  command->add_option("B", options->b.path, "another, or the same with other settings")->required();
  addSizes(*command, options->both);
  addSettings(*command, options->both);
  for (auto [option, side, letter] : {std::tuple("--set-a", &options->a, "A"), {"--set-b", &options->b, "B"}})
    addRepeated(*command, option, side->settings,
                fmt::format("a setting of {} alone; may be repeated", letter));
  command->add_option("--names", options->names, namesMeaning("files of weights"));
  command->add_option("--names-a", options->a.names, "likewise of A alone");
  command->add_option("--names-b", options->b.names, "likewise of B alone");
  command->add_flag("--json", options->json, "as JSON");
  command->callback([options] { diffOrTrouble(*options); });
}

} // namespace kinema
