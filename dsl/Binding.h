// Represents what an expression is worth, as far as that is known: the checks know no shapes, the expansion
// knows all.
#pragma once

#include "dsl/Callee.h"

#include <map>
#include <memory>
#include <variant>

namespace kinema::dsl {

/// An Unknown is a value of this type that depends on a shape or on the call.
struct Unknown {
  Type type = Type::Int;
};
/// Means "not given", so that a default takes its place.
struct Auto {};
/// Stands for an expression with an error that was reported; whoever uses it reports nothing.
struct Broken {};
using Size = std::vector<int64_t>; // T, H, W; C, T, H, W of an input
struct Word {
  std::string text;                // `max`, `half`, `on`
  const Definition *act = nullptr; // what it means as an activation, where it is the name of an act
};

/// A Factor is a part of an axis, such as `g` or `2`.
struct Factor {
  std::string name;                 // empty for a number
  std::optional<int64_t> size = {}; // that of a number, or of an integer that is known under the name
};
/// Axes are the axes of a value, each a list of factors, the slowest first; one of size 1 may have none.
using Axes = std::vector<std::vector<Factor>>;

/// A NamedValue is a named value of the network whose shape is known, or will be.
struct NamedValue {
  std::string name;

  virtual ~NamedValue() = default;
  /// Returns the extent along `c`, `t`, `h` or `w`, where it is known.
  virtual std::optional<int64_t> extent(char axis) const = 0;
  /// Returns whether an error was reported about the value; whoever uses it then reports nothing.
  virtual bool failed() const = 0;
};
using NamedPtr = std::shared_ptr<NamedValue>;

struct Callable;
using CallablePtr = std::shared_ptr<Callable>;

using Binding = std::variant<Unknown, Auto, Broken, int64_t, double, Size, Word, CallablePtr, NamedPtr, Axes>;

/// A Callable is an operation or a definition with arguments bound.
struct Callable {
  struct Argument {
    Binding value;
    Location place;
    const Expr *expr = nullptr; // null: no expression of the text
  };

  Callee callee;
  std::map<std::string, Argument> bound = {}; // by parameter
  std::vector<Argument> values = {};          // values for add, mul, average and concat
};

template <typename T> bool is(const Binding &binding) { return std::holds_alternative<T>(binding); }
bool isWord(const Binding &binding, llvm::StringRef text);

/// Describes the values that a parameter takes, as "a size or one of half, same".
std::string describe(const CalleeParameter &wanted);
/// Returns whether an integer may be given for the parameter.
bool takesIntegers(const CalleeParameter &wanted);
/// Returns the binding as the type that is wanted, or nothing where its type does not fit.
std::optional<Binding> convert(const Binding &binding, const CalleeParameter &wanted);
/// Returns the number, or the part of a size, that lies beyond what the parameter allows.
std::optional<double> outOfRange(const Binding &binding, const CalleeParameter &wanted);

} // namespace kinema::dsl
