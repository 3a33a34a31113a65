#include "dsl/Operations.h"

#include "dsl/Parser.h"
#include "runtime/Package/InputKinds.h"
#include "runtime/Package/RecipeFields.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

namespace kinema::dsl {

namespace {

using Words = llvm::StringRef;

constexpr auto streamKinds = [] {
  std::array<Words, std::size(inputKinds)> names;
  for (size_t i = 0; i < names.size(); ++i)
    names[i] = inputKinds[i].name;
  return names;
}();
constexpr Words paddings[] = {"half", "same", "causal"};
constexpr Words initialisations[] = {"he", "normal", "identity", "later", "earlier", "zero"};
constexpr Words startingValues[] = {"normal", "zero", "one"};
constexpr Words turnings[] = {"none", "first", "second", "both"};
constexpr Words scalings[] = {"rsqrt"};
constexpr Words poolings[] = {"max", "avg"};
constexpr Words windows[] = {"global", "space", "time", "channels"};
constexpr Words axes[] = {"time"};

constexpr OperationParameter inputParameters[] = {
    {.name = "kind", .type = Type::Word, .words = streamKinds},
    {.name = "size", .type = Type::Size, .sizeParts = 4, .minimum = 1},
    {.name = "every", .type = Type::Int, .defaultText = "1", .minimum = 1, .maximum = maxRecipeExtent},
};
constexpr OperationParameter convParameters[] = {
    {.name = "k", .type = Type::Size, .minimum = 1},
    {.name = "ch", .type = Type::Int, .minimum = 1},
    {.name = "stride", .type = Type::Size, .defaultText = "1", .minimum = 1},
    {.name = "pad",
     .type = Type::Size,
     .defaultText = "half",
     .words = paddings,
     .takesPair = true,
     .minimum = 0},
    {.name = "dilate", .type = Type::Size, .defaultText = "1", .minimum = 1},
    {.name = "groups", .type = Type::Int, .defaultText = "1", .minimum = 1},
    {.name = "bias", .type = Type::Flag, .defaultText = "auto"},
    {.name = "bn", .type = Type::Flag, .defaultText = "on"},
    {.name = "act", .type = Type::Word, .defaultText = "relu", .isActivation = true},
    {.name = "init", .type = Type::Word, .defaultText = "he", .words = initialisations},
    {.name = "gamma", .type = Type::Number, .defaultText = "1"},
};
constexpr OperationParameter poolParameters[] = {
    {.name = "how", .type = Type::Word, .words = poolings},
    {.name = "k", .type = Type::Size, .words = windows, .minimum = 1},
    {.name = "stride", .type = Type::Size, .defaultText = "k", .minimum = 1},
    {.name = "pad",
     .type = Type::Size,
     .defaultText = "0",
     .words = paddings,
     .takesPair = true,
     .minimum = 0},
    {.name = "ceil", .type = Type::Flag, .defaultText = "off"},
};
constexpr OperationParameter fcParameters[] = {
    {.name = "n", .type = Type::Int, .minimum = 1},
    {.name = "bias", .type = Type::Flag, .defaultText = "on"},
    {.name = "act", .type = Type::Word, .defaultText = "none", .isActivation = true},
};
constexpr OperationParameter bnParameters[] = {
    {.name = "eps", .type = Type::Number, .defaultText = "1e-3", .minimum = 0},
    {.name = "momentum", .type = Type::Number, .defaultText = "0.1", .minimum = 0, .maximum = 1},
};
constexpr OperationParameter dropoutParameters[] = {
    {.name = "p", .type = Type::Number, .minimum = 0, .maximum = 1},
};
constexpr OperationParameter joinParameters[] = {
    {.name = "act", .type = Type::Word, .defaultText = "none", .isActivation = true},
};
constexpr OperationParameter residualParameters[] = {
    {.name = "shortcut", .type = Type::Unit, .defaultText = "(conv 1x1x1)"},
    {.name = "act", .type = Type::Word, .defaultText = "relu", .isActivation = true},
};
constexpr OperationParameter foldParameters[] = {
    {.name = "axis", .type = Type::Word, .words = axes},
};
constexpr OperationParameter shiftParameters[] = {
    {.name = "n", .type = Type::Int, .minimum = 2},
};
constexpr OperationParameter sliceParameters[] = {
    {.name = "from", .type = Type::Int, .minimum = 0},
    {.name = "ch", .type = Type::Int, .minimum = 1},
};
constexpr OperationParameter arrangeParameters[] = {
    {.name = "from", .type = Type::Axes},
    {.name = "to", .type = Type::Axes},
};
constexpr OperationParameter normParameters[] = {
    {.name = "over", .type = Type::Axes},
    {.name = "groups", .type = Type::Int, .defaultText = "1", .minimum = 1},
    {.name = "eps", .type = Type::Number, .defaultText = "1e-5", .minimum = 0},
    {.name = "affine", .type = Type::Flag, .defaultText = "on"},
};
constexpr OperationParameter paramParameters[] = {
    {.name = "size", .type = Type::Size, .sizeParts = 4, .minimum = 1},
    {.name = "init", .type = Type::Word, .defaultText = "zero", .words = startingValues},
};
constexpr OperationParameter productParameters[] = {
    {.name = "a", .type = Type::Value},
    {.name = "b", .type = Type::Value},
    {.name = "turned", .type = Type::Word, .defaultText = "none", .words = turnings},
    {.name = "scale", .type = Type::Number, .defaultText = "1", .words = scalings},
};
constexpr OperationParameter attentionParameters[] = {
    {.name = "q", .type = Type::Value},
    {.name = "k", .type = Type::Value},
    {.name = "v", .type = Type::Value},
    {.name = "heads", .type = Type::Int, .defaultText = "1", .minimum = 1},
    {.name = "scale", .type = Type::Number, .defaultText = "1", .words = scalings},
};
constexpr OperationParameter stageParameters[] = {
    {.name = "kind", .type = Type::Unit},
    {.name = "block", .type = Type::Block, .defaultText = "basic"},
};

using Kind = Operation::Kind;
using Braces = Operation::Braces;

constexpr Operation activation(llvm::StringRef name, llvm::StringRef lowered) {
  return {Kind::Activation, name, {}, false, Braces::None, lowered};
}

constexpr Operation builtIn[] = {
    {Kind::Input, "input", inputParameters},
    {Kind::Conv, "conv", convParameters},
    {Kind::Pool, "pool", poolParameters},
    {Kind::Fc, "fc", fcParameters},
    {Kind::Bn, "bn", bnParameters},
    activation("relu", "clip.relu"),
    activation("sigmoid", "clip.sigmoid"),
    {Kind::Softmax, "softmax", {}},
    {Kind::Dropout, "dropout", dropoutParameters},
    {Kind::Identity, "identity", {}},
    {Kind::Add, "add", joinParameters, true, Braces::Branches},
    {Kind::Mul, "mul", joinParameters, true, Braces::Branches},
    {Kind::Average, "average", joinParameters, true, Braces::Branches},
    {Kind::Concat, "concat", joinParameters, true, Braces::Branches},
    {Kind::Residual, "residual", residualParameters, false, Braces::Sequence},
    {Kind::Fold, "fold", foldParameters},
    {Kind::Shift, "shift", shiftParameters},
    {Kind::Slice, "slice", sliceParameters},
    {Kind::Arrange, "arrange", arrangeParameters},
    {Kind::Norm, "norm", normParameters},
    {Kind::Param, "param", paramParameters},
    {Kind::Product, "product", productParameters},
    {Kind::Attention, "attention", attentionParameters},
    {Kind::Stage, "stage", stageParameters},
};

/// Holds the operations that there are now, and the words of `act`.
struct Table {
  std::vector<Operation> operations{std::begin(builtIn), std::end(builtIn)};
  std::vector<llvm::StringRef> activationWords;

  Table() { findWords(); }
  void findWords() {
    activationWords.clear();
    for (const Operation &operation : operations)
      if (operation.kind == Kind::Activation)
        activationWords.push_back(operation.name);
    activationWords.push_back("none");
  }
};

Table &table() {
  static Table table;
  return table;
}

/// Clears the places of a default's tree: a default stands nowhere in the author's text.
void clearLocations(Expr &expr) {
  expr.location = {};
  if (auto *path = llvm::dyn_cast<PathExpr>(&expr)) {
    for (PathExpr::Part &part : path->parts)
      part.location = {};
  } else if (auto *bound = llvm::dyn_cast<BoundExpr>(&expr)) {
    clearLocations(*bound->callee);
    for (Argument &argument : bound->arguments) {
      argument.location = {};
      for (ExprPtr &value : argument.cycle)
        clearLocations(*value);
    }
  }
}

std::map<llvm::StringRef, ExprPtr> parseDefaults() {
  std::map<llvm::StringRef, ExprPtr> trees; // trees by their text
  for (const Operation &operation : builtIn) {
    for (const OperationParameter &parameter : operation.parameters) {
      if (parameter.defaultText.empty() || trees.count(parameter.defaultText))
        continue;
      Sources sources;
      Diagnostics diagnostics(sources);
      ExprPtr tree =
          parseExpression(sources, sources.add("default", parameter.defaultText.str()), diagnostics);
      clearLocations(*tree);
      trees[parameter.defaultText] = std::move(tree);
    }
  }
  return trees;
}

} // namespace

llvm::ArrayRef<llvm::StringRef> OperationParameter::allowedWords() const {
  return isActivation ? llvm::ArrayRef<llvm::StringRef>(table().activationWords) : words;
}

const OperationParameter *Operation::parameter(llvm::StringRef name) const {
  const auto *found =
      llvm::find_if(parameters, [&](const OperationParameter &parameter) { return parameter.name == name; });
  return found == parameters.end() ? nullptr : found;
}

llvm::ArrayRef<Operation> operations() { return table().operations; }

void addActivation(llvm::StringRef name, llvm::StringRef lowered) {
  table().operations.push_back(activation(name, lowered));
  table().findWords();
}

const Operation *findOperation(llvm::StringRef name) {
  llvm::ArrayRef<Operation> all = operations();
  const auto *found = llvm::find_if(all, [&](const Operation &operation) { return operation.name == name; });
  return found == all.end() ? nullptr : found;
}

const Expr *defaultOf(const OperationParameter &parameter) {
  static const std::map<llvm::StringRef, ExprPtr> trees = parseDefaults();
  return parameter.defaultText.empty() ? nullptr : trees.at(parameter.defaultText).get();
}

} // namespace kinema::dsl
