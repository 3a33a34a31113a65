#include "dsl/Binding.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace kinema::dsl {

bool isWord(const Binding &binding, llvm::StringRef text) {
  const auto *word = std::get_if<Word>(&binding);
  return word && word->text == text;
}

std::string describe(const CalleeParameter &wanted) {
  static constexpr llvm::StringLiteral names[] = {"an integer", "a number", "a size",
                                                  "on or off",  "a word",   "a unit",
                                                  "a block",    "a value",  "a list of axes"};
  std::string words = llvm::join(wanted.words, ", ");
  std::string name = names[static_cast<int>(wanted.type)].str();
  if (wanted.type == Type::Size && wanted.sizeParts == 4)
    name += " CxTxHxW";
  if (wanted.words.empty())
    return name;
  if (wanted.isActivation)
    words += ", or an act";
  return wanted.type == Type::Word ? "one of " + words : name + " or one of " + words;
}

bool takesIntegers(const CalleeParameter &wanted) {
  return wanted.type == Type::Int || wanted.type == Type::Number ||
         (wanted.type == Type::Size && wanted.sizeParts == 3);
}

namespace {

/// Returns whether something of type `given`, whatever its value, may be passed on for `wanted`.
bool compatible(Type given, const CalleeParameter &wanted) {
  if (given == Type::Int)
    return takesIntegers(wanted);
  if (given == Type::Size)
    return wanted.type == Type::Size && wanted.sizeParts == 3;
  if (given == Type::Word)
    return wanted.type == Type::Word || !wanted.words.empty();
  if (given == Type::Unit)
    return wanted.type == Type::Unit || wanted.type == Type::Block;
  return given == wanted.type;
}

bool fits(const Word &word, const CalleeParameter &wanted) {
  if (wanted.type == Type::Flag)
    return word.text == "on" || word.text == "off";
  if (word.act && wanted.isActivation)
    return word.act->operands.size() == 1;
  return llvm::is_contained(wanted.words, word.text) || (wanted.type == Type::Word && wanted.words.empty());
}

/// Converts each kind of value to the type that is wanted.
struct Conversion {
  using Result = std::optional<Binding>;
  const CalleeParameter &wanted;

  static Result onlyIf(bool fits, Binding value) { return fits ? Result(std::move(value)) : std::nullopt; }

  Result operator()(Unknown unknown) const {
    return onlyIf(compatible(unknown.type, wanted), Unknown{wanted.type});
  }
  Result operator()(Auto value) const { return Binding(value); }
  Result operator()(Broken) const { return std::nullopt; }
  Result operator()(int64_t value) const {
    if (wanted.type == Type::Number)
      return Binding(static_cast<double>(value));
    if (wanted.type == Type::Size && wanted.sizeParts == 3)
      return Binding(Size(3, value));
    return onlyIf(wanted.type == Type::Int, value);
  }
  Result operator()(double value) const { return onlyIf(wanted.type == Type::Number, value); }
  Result operator()(const Size &size) const {
    bool fits = size.size() == wanted.sizeParts || (wanted.takesPair && size.size() == 2 * wanted.sizeParts);
    return onlyIf(wanted.type == Type::Size && fits, size);
  }
  Result operator()(const Word &word) const { return onlyIf(fits(word, wanted), word); }
  Result operator()(const CallablePtr &callable) const {
    bool isUnit = wanted.type == Type::Unit && callable->callee.isUnit();
    return onlyIf(isUnit || wanted.type == Type::Block, callable);
  }
  Result operator()(const Axes &axes) const { return onlyIf(wanted.type == Type::Axes, axes); }
  Result operator()(const NamedPtr &value) const { return onlyIf(wanted.type == Type::Value, value); }
};

} // namespace

std::optional<Binding> convert(const Binding &binding, const CalleeParameter &wanted) {
  return std::visit(Conversion{wanted}, binding);
}

std::optional<double> outOfRange(const Binding &binding, const CalleeParameter &wanted) {
  auto isOutside = [&](double value) {
    return (wanted.minimum && value < *wanted.minimum) || (wanted.maximum && value > *wanted.maximum);
  };
  if (const auto *integer = std::get_if<int64_t>(&binding); integer && isOutside(*integer))
    return *integer;
  if (const auto *number = std::get_if<double>(&binding); number && isOutside(*number))
    return *number;
  if (const auto *size = std::get_if<Size>(&binding))
    for (int64_t part : *size)
      if (isOutside(part))
        return part;
  return std::nullopt;
}

} // namespace kinema::dsl
