#include "tools/kinema/NewSpec.h"

#include "dsl/Parser.h"
#include "runtime/Package/RecipeFields.h"
#include "runtime/Support/Error.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

namespace kinema {
namespace {

/// The numbers of blocks of the four stages of a ResNet of bottlenecks.
struct Blocks {
  int64_t depth;
  std::array<int64_t, 4> counts;
};
constexpr Blocks bottlenecks[] = {{50, {3, 4, 6, 3}}, {101, {3, 4, 23, 3}}, {152, {3, 8, 36, 3}}};
constexpr const char *countNames[] = {"n1", "n2", "n3", "n4"};

const Blocks *blocksOf(int64_t depth) {
  const auto *found = llvm::find_if(bottlenecks, [&](const Blocks &blocks) { return blocks.depth == depth; });
  return found == std::end(bottlenecks) ? nullptr : found;
}

/// A ParsedModel is the text of a model with its tree.
struct ParsedModel {
  explicit ParsedModel(const dsl::LibraryFile &file) : diagnostics(sources) {
    const uint32_t id = sources.add(file.name.str() + ".arch", file.text.str());
    tree = dsl::parse(sources, id, diagnostics);
    for (const auto &definition : tree->definitions)
      if (definition->kind == dsl::Definition::Kind::Network)
        network = definition.get();
  }

  dsl::Sources sources;
  dsl::Diagnostics diagnostics;
  std::unique_ptr<dsl::File> tree;
  const dsl::Definition *network = nullptr;
};

std::optional<int64_t> defaultOf(const dsl::Definition &network, llvm::StringRef name) {
  const dsl::Parameter *parameter = network.parameter(name);
  const auto *value =
      parameter ? llvm::dyn_cast_or_null<dsl::IntExpr>(parameter->defaultValue.get()) : nullptr;
  return value ? std::optional(value->value) : std::nullopt;
}

Model modelOf(const dsl::LibraryFile &file) {
  Model model;
  model.file = &file;
  llvm::SmallVector<llvm::StringRef> words;
  file.name.split(words, '_');
  for (llvm::StringRef word : llvm::reverse(words))
    if (llvm::all_of(word, llvm::isDigit))
      word.getAsInteger(10, model.depth);
  const ParsedModel parsed(file);
  model.classes = defaultOf(*parsed.network, "classes");
  model.frames = defaultOf(*parsed.network, "frames");
  model.size = defaultOf(*parsed.network, "size");
  model.hasBlockCounts = llvm::all_of(
      countNames, [&](const char *name) { return defaultOf(*parsed.network, name).has_value(); });
  return model;
}

/// Replaces parts of a text that lie on one line each.
class Edits {
public:
  explicit Edits(llvm::StringRef text) : text(text) {}

  void replace(dsl::Location where, std::string by) {
    size_t line = 0;
    for (uint32_t number = 1; number < where.line; ++number)
      line = text.find('\n', line) + 1;
    edits.push_back({line + where.column - 1, where.length, std::move(by)});
  }

  std::string apply() {
    llvm::sort(edits, [](const Edit &a, const Edit &b) { return a.from < b.from; });
    std::string result;
    size_t next = 0;
    for (const Edit &edit : edits) {
      result += text.slice(next, edit.from).str() + edit.by;
      next = edit.from + edit.length;
    }
    return result + text.drop_front(next).str();
  }

private:
  struct Edit {
    size_t from, length;
    std::string by;
  };

  llvm::StringRef text;
  std::vector<Edit> edits;
};

/// Returns the place of a parameter with its default, and of the blank before it.
dsl::Location placeOf(const dsl::Parameter &parameter) {
  dsl::Location place = parameter.name.location;
  const dsl::Location &end = parameter.defaultValue->location;
  place.length = end.column + end.length - place.column + 1;
  place.column -= 1;
  return place;
}

class Writer {
public:
  Writer(const NewSpec &spec, const Model &model)
      : spec(spec), model(model), parsed(*model.file), edits(model.file->text) {}

  std::string network() {
    edits.replace(parsed.network->name.location, spec.name);
    set("classes", spec.classes);
    set("frames", spec.frames);
    setSize();
    if (spec.depth != 0 && spec.depth != model.depth)
      for (auto [name, count] : llvm::zip(countNames, blocksOf(spec.depth)->counts))
        set(name, count);
    for (const std::string &setting : spec.settings)
      apply(setting);
    return edits.apply();
  }

private:
  /// Returns a parameter that gets another default.
  const dsl::Parameter &parameter(const std::string &name) {
    const dsl::Parameter *found = parsed.network->parameter(name);
    if (!found || !found->defaultValue) {
      std::vector<std::string> names;
      for (const dsl::Parameter &other : parsed.network->parameters)
        names.push_back(other.name.text);
      refuse("models/{}.arch has no parameter '{}'; it has {}", model.name(), name, fmt::join(names, " "));
    }
    if (!changed.insert(name).second)
      refuse("new: two options say what '{}' is", name);
    return *found;
  }

  void set(const char *name, int64_t value) {
    if (value != 0)
      edits.replace(parameter(name).defaultValue->location, std::to_string(value));
  }

  void apply(const std::string &setting) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos)
      refuse("--set {}: expected a parameter of the network and its value, such as n3=23", setting);
    edits.replace(parameter(setting.substr(0, equals)).defaultValue->location, setting.substr(equals + 1));
  }

  /// Height and width follow `size` where they are the same; else they have numbers of their own.
  void setSize() {
    if (spec.height == spec.width)
      return set("size", spec.height);
    edits.replace(placeOf(parameter("size")), "");
    set("height", spec.height);
    set("width", spec.width);
  }

  const NewSpec &spec;
  const Model &model;
  ParsedModel parsed;
  Edits edits;
  std::set<std::string> changed; // parameters
};

std::string withWords(std::string_view text, const NewSpec &spec, const Model &model) {
  const int64_t height = spec.height ? spec.height : model.size.value_or(0);
  const int64_t width = spec.width ? spec.width : model.size.value_or(0);
  const RecipeSize resize = usualResize(height, width);
  std::string result(text);
  for (const auto &[word, value] :
       {std::pair<std::string, std::string>{"{resize}", fmt::format("{}x{}", resize[0], resize[1])},
        {"{crop}", fmt::format("{}x{}", height, width)},
        {"{frames}", std::to_string(spec.frames ? spec.frames : model.frames.value_or(0))}})
    for (size_t at = result.find(word); at != std::string::npos; at = result.find(word, at))
      result.replace(at, word.size(), value);
  return result;
}

std::string commentOf(const NewSpec &spec, const Model &model) {
  const std::string list = spec.list.empty() ? "LIST" : spec.list;
  return fmt::format(
      "# {}, made of models/{}.arch: edit it as you like. A line takes the value before it and leaves a new "
      "one,\n"
      "# sizes are T x H x W, and batch norm, ReLU and padding that keeps the size need no words.\n"
      "#   kinema inspect {} # layers, shapes, parameters, memory\n"
      "#   kinema train {} --train {} --test LIST --out runs/{}\n"
      "# docs/language.md explains each word, docs/training.md the recipe.\n\n",
      spec.name, model.name(), spec.file, spec.file, list, spec.name);
}

} // namespace

std::string Model::summary() const {
  llvm::StringRef line = llvm::StringRef(file->text).split('\n').first;
  return line.consume_front("#") ? line.trim().str() : "";
}

bool Model::hasDepth(int64_t wanted) const {
  return depth == wanted || (hasBlockCounts && blocksOf(depth) && blocksOf(wanted));
}

std::vector<Model> allModels() {
  std::vector<Model> models;
  for (const dsl::LibraryFile &file : dsl::models())
    models.push_back(modelOf(file));
  return models;
}

std::vector<Model> modelsOf(const std::string &family, int64_t depth) {
  const auto isNamed = [&](const Model &model) { return model.name() == family; };
  const auto begins = [&](const Model &model) { return model.name().starts_with(family + "_"); };
  const auto contains = [&](const Model &model) {
    return ("_" + model.name() + "_").find("_" + family + "_") != std::string::npos;
  };
  std::vector<Model> found;
  const std::vector<Model> all = allModels();
  auto take = [&](auto fits) {
    if (found.empty())
      llvm::copy_if(all, std::back_inserter(found),
                    [&](const Model &model) { return fits(model) && (depth == 0 || model.hasDepth(depth)); });
  };
  take(isNamed);
  if (depth != 0)
    take([&](const Model &model) { return model.name() == fmt::format("{}_{}", family, depth); });
  if (depth != 0) // such as r3d_50 with 101 layers
    take([&](const Model &model) { return model.name() == fmt::format("{}_{}", family, model.depth); });
  take(begins);
  take(contains);
  return found;
}

std::string textOf(const NewSpec &spec, const Model &model) {
  const auto recipes = recipeTexts();
  const auto recipe =
      llvm::find_if(recipes, [&](const RecipeText &text) { return text.name == spec.recipe; });
  return commentOf(spec, model) + Writer(spec, model).network() + "\n" + withWords(recipe->text, spec, model);
}

} // namespace kinema
