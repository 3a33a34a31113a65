#include "runtime/Commands/WeightsCommands.h"

#include "runtime/Commands/CommandLine.h"
#include "runtime/Package/Safetensors.h"
#include "runtime/Program/WeightMatch.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace kinema {
namespace {

// Returns what is said of a naming.
std::string wordsFor(const Naming &naming) {
  return naming ? fmt::format("as in {}", naming.name()) : "as in the spec";
}

template <typename Options> void addFiles(CLI::App &command, Options &options) {
  command.add_option("IN", options.input, "weights or a checkpoint (safetensors)")->required();
  command.add_option("OUT", options.output, "safetensors to write")->required();
  command.add_option("--from", options.from, namesMeaning("IN"));
  command.add_flag("--verbose", options.verbose, "list all tensors");
}

void addConvert(CLI::App &weights, const NetworkOption &network) {
  auto options = std::make_shared<ConvertOptions>();
  CLI::App *command = weights.add_subcommand("convert", "call the tensors of a file by other names");
  addFiles(*command, *options);
  command->add_option("--to", options->to, namesMeaning("OUT"));
  auto read = network(*command, /*required=*/false);
  command->callback([options, read] {
    std::optional<Manifest> known = read();
    convertWeights(*options, known ? &*known : nullptr);
  });
}

void addInflate(CLI::App &weights, const NetworkOption &network) {
  auto options = std::make_shared<InflateOptions>();
  CLI::App *command =
      weights.add_subcommand("inflate", "make weights of a 3D network from those of a 2D one");
  addFiles(*command, *options);
  command->add_flag("--centre", options->centre,
                    "give the middle frame of a window the weights and the others zeros, rather than each "
                    "frame its share");
  command->add_flag("--cross-modality", options->crossModality,
                    "a conv on an input of other channels takes the mean over those of IN");
  auto read = network(*command, /*required=*/true);
  command->callback([options, read] { inflateWeights(*options, *read()); });
}

} // namespace

void convertWeights(const ConvertOptions &options, const Manifest *network) {
  const Naming from = findNaming(options.from), to = findNaming(options.to);
  if (from.name() == to.name())
    refuse("--from and --to are the same: name another naming for one of them");
  checkWritable(options.output);
  const TensorFile file = readTensors(options.input);
  const TensorFile renamed = network ? renameWeights(*network, file, options.input, from, to)
                                     : renameWeights(file, options.input, from, to);
  writeTensors(options.output, renamed);
  if (options.verbose)
    for (const FileTensor &tensor : renamed.tensors)
      fmt::print("{}: {}\n", tensor.name, describe(tensor.type, tensor.shape));
  fmt::print("{}: {} of {} tensors of {}, called {}\n", options.output, renamed.tensors.size(),
             file.tensors.size(), options.input, wordsFor(to));
}

void inflateWeights(const InflateOptions &options, const Manifest &network) {
  const Naming from = findNaming(options.from);
  checkWritable(options.output);
  const TensorFile file = readTensors(options.input);
  const WeightMatch match = findWeights(
      network, file, from, {options.crossModality, options.centre ? Inflation::Centre : Inflation::Repeat});
  requireAny(match, network, file, options.input, from);
  TensorFile inflated;
  const bool whole = match.matched() == static_cast<int64_t>(match.parameters.size());
  if (auto classes = file.metadata.find(classesKey); whole && classes != file.metadata.end())
    inflated.metadata.insert(*classes);
  for (const ParameterSource &source : match.parameters)
    if (source.tensor) {
      FileTensor &tensor = inflated.tensors.emplace_back(source.parameter->name, ElementType::F32,
                                                         source.parameter->fileShape);
      std::ranges::copy(valuesOf(source), tensor.as<float>().begin());
    }
  writeTensors(options.output, inflated);
  fmt::print("{}", options.verbose ? listOf(match, options.input) : describe(match, options.input));
  if (!whole)
    fmt::print("{} lacks the other parameters: train from it with --partial\n", options.output);
}

void addWeights(CLI::App &app, const NetworkOption &network) {
  CLI::App *weights = app.add_subcommand("weights", "rename tensors, inflate 2D weights");
  weights->require_subcommand(1);
  addConvert(*weights, network);
  addInflate(*weights, network);
}

} // namespace kinema
