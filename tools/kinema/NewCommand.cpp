// Implements `kinema new`: writes a spec of a family of networks, with a recipe, to be edited.
#include "compiler/Inspect/LayerTable.h"
#include "compiler/Pipelines/Frontend.h"
#include "runtime/Data/VideoList.h"
#include "runtime/Support/Columns.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Nearest.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/Exit.h"
#include "tools/kinema/NewSpec.h"
#include "tools/kinema/SpecOptions.h"

#include "mlir/IR/MLIRContext.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <regex>

namespace kinema {

namespace {
struct NewOptions {
  std::string name, family, list, recipe;
  SpecOptions sizes; // frames, size, classes
  int64_t depth = 0;
  bool force = false, onlyList = false;
};

std::vector<std::string> namesOf(const std::vector<Model> &models) {
  std::vector<std::string> names;
  for (const Model &model : models)
    names.push_back(model.name());
  return names;
}

std::string listOf(const std::vector<Model> &models) {
  return fmt::format("{}", fmt::join(namesOf(models), " "));
}

void printModels() {
  std::vector<std::vector<std::string>> rows;
  for (const Model &model : allModels())
    rows.push_back({model.name(), model.summary()});
  fmt::print("{}", inColumns(rows));
}

/// Asks at the terminal until the answer fits; an empty one is the default. Throws Error where no more
/// answers come.
std::string ask(const std::string &question, const std::string &usual, const std::regex &form) {
  for (;;) {
    fmt::print("{}{}: ", question, usual.empty() ? "" : fmt::format(" [{}]", usual));
    std::fflush(stdout);
    std::string answer;
    if (!std::getline(std::cin, answer))
      fail("new: no answer came, and nothing was written");
    if (answer.empty())
      answer = usual;
    if (std::regex_match(answer, form))
      return answer;
    fmt::print("'{}' is no answer to that\n", answer);
  }
}

bool atTerminal() { return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO); }

/// Refuses a family that there is not, or says which of several networks it may be.
Model theModel(const NewOptions &options) {
  std::vector<Model> found = modelsOf(options.family, options.depth);
  if (found.size() == 1)
    return found.front();
  if (found.size() > 1)
    refuse("--family {}{} may be {}: name one of them, or say --depth", options.family,
           options.depth ? fmt::format(" --depth {}", options.depth) : "", listOf(found));
  if (std::vector<Model> others = modelsOf(options.family, 0); options.depth && !others.empty())
    refuse("no network of family {} has {} layers; there are {}", options.family, options.depth,
           listOf(others));
  const std::vector<Model> all = allModels();
  refuse("there is no family {}{}; there are {}", options.family, didYouMean(options.family, namesOf(all)),
         listOf(all));
}

void askFamily(NewOptions &options) {
  printModels();
  for (;;) {
    options.family = ask("family or network", "r2plus1d_18", std::regex(R"(\S+)"));
    if (std::vector<Model> found = modelsOf(options.family, options.depth); found.size() == 1)
      return;
    else
      fmt::print("{}\n",
                 found.empty() ? "there is no such network" : "which of them: " + listOf(found) + "?");
  }
}

/// Asks for the sizes that no option gives.
void askSizes(NewOptions &options, const Model &model) {
  const std::regex number("[1-9][0-9]{0,4}"), classes("[1-9][0-9]{0,6}"),
      size("[1-9][0-9]{0,4}(x[1-9][0-9]{0,4})?");
  auto usual = [](std::optional<int64_t> value) { return fmt::to_string(value.value_or(0)); };
  if (options.sizes.classes == 0 && model.classes)
    options.sizes.classes = std::stoll(ask("classes", usual(model.classes), classes));
  if (options.sizes.frames == 0 && model.frames)
    options.sizes.frames = std::stoll(ask("frames of a clip", usual(model.frames), number));
  if (options.sizes.size.empty() && model.size)
    options.sizes.size = ask("height and width", usual(model.size), size);
}

/// Returns how many classes a list of videos has.
int64_t classesIn(const std::string &file) {
  const VideoList list = readVideoList(file);
  if (!list.classes.empty())
    return static_cast<int64_t>(list.classes.size());
  int32_t most = noLabel;
  for (const LabelledVideo &video : list.videos)
    for (int32_t label : video.labels())
      most = std::max(most, label);
  if (most == noLabel)
    refuse("{} has no labels: say --classes", file);
  return most + 1;
}

/// Returns the table of the spec's layers. What is wrong with it, such as a size that is too small for the
/// network, is an error.
inspect::LayerTable tableOf(const std::string &file, const std::string &text) {
  FrontendOptions frontend;
  frontend.batch = 1;
  Spec spec;
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module;
  if (dsl::loadText(file, text, {}, spec.program, spec.diagnostics))
    module = expandLoaded(context, frontend, spec);
  if (!module) {
    fmt::print(stderr, "{}", spec.diagnostics.render());
    refuse("new: no network can be made of these options, and nothing was written");
  }
  auto table = inspect::describeNetwork(*module);
  require(mlir::failed(table) ? Outcome::Failed : Outcome::Done);
  return std::move(*table);
}

/// Returns which recipe a network usually has: what its layers are tells that.
std::string usualRecipe(const inspect::LayerTable &table) {
  for (const auto &[kind, recipe] : {std::pair("norm", "transformer"), {"shift", "segments"}})
    if (llvm::any_of(table.layers, [&](const inspect::Layer &layer) { return layer.kind == kind; }))
      return recipe;
  return "clips";
}

NewSpec specOf(const NewOptions &options, const std::string &file) {
  const FrontendOptions sizes = frontendOptions(options.sizes);
  NewSpec spec;
  spec.name = std::filesystem::path(file).stem();
  std::ranges::replace(spec.name, '-', '_');
  if (!std::regex_match(spec.name, std::regex(R"([A-Za-z_]\w*)")) ||
      std::regex_match(spec.name, std::regex("x[0-9]+")))
    refuse(
        "{}: a network cannot be called '{}': letters, digits and _ make a name, which begins with a letter",
        file, spec.name);
  spec.depth = options.depth;
  spec.settings = options.sizes.settings;
  spec.frames = sizes.frames;
  spec.classes = sizes.classes;
  spec.height = sizes.height;
  spec.width = sizes.width;
  spec.file = file;
  spec.list = options.list;
  return spec;
}

void makeSpec(NewOptions options) {
  if (options.onlyList)
    return printModels();
  if (options.name.empty())
    refuse("new: which name should the spec have? `kinema new NAME`");
  const std::string file = options.name.ends_with(".arch") ? options.name : options.name + ".arch";
  if (!options.force && std::filesystem::exists(file))
    refuse("{} is there already: choose another name, or replace it with --force", file);
  checkWritable(file);
  if (!options.list.empty() && options.sizes.classes == 0)
    options.sizes.classes = classesIn(options.list);
  if (options.family.empty() && !atTerminal())
    refuse("new: which family? Say --family; there are {}", listOf(allModels()));
  if (options.family.empty())
    askFamily(options);
  const Model model = theModel(options);
  if (atTerminal())
    askSizes(options, model);
  NewSpec spec = specOf(options, file);
  const inspect::LayerTable table = tableOf(file, textOf(spec, model));
  spec.recipe = options.recipe.empty() ? usualRecipe(table) : options.recipe;
  const std::string text = textOf(spec, model);
  tableOf(file, text); // with the recipe that it has now
  writeFile(file, text);
  fmt::print("{}: {} for {} classes, {} parameters, {} macs a clip, recipe {}\n", file, model.name(),
             table.classes, inspect::grouped(table.parameters), inspect::grouped(table.macs), spec.recipe);
}
} // namespace

void addNew(CLI::App &app) {
  auto options = std::make_shared<NewOptions>();
  CLI::App *command = app.add_subcommand(
      "new", "write a spec of a family of networks, with comments and a recipe; at a terminal it asks for "
             "what the options leave open");
  std::vector<std::string> recipes;
  for (const RecipeText &recipe : recipeTexts())
    recipes.emplace_back(recipe.name);
  command->add_option("NAME", options->name, "of the spec, which goes to NAME.arch");
  command->add_option("--family", options->family,
                      "what kind of network, such as r2plus1d, or one of those that --list lists");
  command->add_option("--depth", options->depth, "its layers, such as 18 or 50")->check(CLI::Range(1, 10000));
  addSizes(*command, options->sizes);
  command->remove_option(command->get_option("--models"));
  command
      ->add_option("--set", options->sizes.settings,
                   "another parameter of the network, such as n3=23 or kind=conv2d; may be repeated")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--train", options->list,
                      "a list of training videos, which tells the number of classes");
  command->add_option("--recipe", options->recipe, "how it is trained (default: as the network usually is)")
      ->check(CLI::IsMember(recipes));
  command->add_flag("--force", options->force, "replace a file that is there");
  command->add_flag("--list", options->onlyList, "list the networks that there are");
  command->callback([options] { makeSpec(*options); });
}

} // namespace kinema
