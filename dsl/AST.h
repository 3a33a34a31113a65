// Defines the syntax tree: what the author wrote, with a place for every part. It is plain data, owned from
// the file downwards. Nothing is resolved here: a word may be a parameter, a definition, a value or just a
// word (see Check.h).
#pragma once

#include "dsl/Formula.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Casting.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kinema::dsl {

struct Argument;

struct Expr {
  enum class Kind { Int, Number, Size, Path, List, Bound, Binary };

  const Kind kind;
  /// The location is the place of the whole expression where that lies on one line, else of the part on its
  /// first line.
  Location location;

  virtual ~Expr() = default;

protected:
  Expr(Kind kind, Location location) : kind(kind), location(location) {}
};
using ExprPtr = std::unique_ptr<Expr>;

/// An IntExpr is an integer, such as `128`.
struct IntExpr : Expr {
  int64_t value;

  IntExpr(Location location, int64_t value) : Expr(Kind::Int, location), value(value) {}
  static bool classof(const Expr *expr) { return expr->kind == Kind::Int; }
};

/// A NumberExpr is a number, such as `0.5` or `1e-4`.
struct NumberExpr : Expr {
  double value;
  std::string spelling;

  NumberExpr(Location location, double value, std::string spelling)
      : Expr(Kind::Number, location), value(value), spelling(std::move(spelling)) {}
  static bool classof(const Expr *expr) { return expr->kind == Kind::Number; }
};

/// A SizeExpr is a size, such as `1x2x2`: two or more parts, T x H x W where there are three.
struct SizeExpr : Expr {
  std::vector<int64_t> parts;

  SizeExpr(Location location, std::vector<int64_t> parts)
      : Expr(Kind::Size, location), parts(std::move(parts)) {}
  static bool classof(const Expr *expr) { return expr->kind == Kind::Size; }
};

/// A PathExpr is a path, such as `ch`, `max`, `on`, `conv(2+1)d`, `in.c`, `flow.res2.a` or `stage2.0`: one or
/// more parts, of which the first is a word.
struct PathExpr : Expr {
  struct Part {
    std::string text; // a word, or the digits of a copy's number
    Location location;
  };
  std::vector<Part> parts;

  PathExpr(Location location, std::vector<Part> parts)
      : Expr(Kind::Path, location), parts(std::move(parts)) {}
  static bool classof(const Expr *expr) { return expr->kind == Kind::Path; }
  bool isWord() const { return parts.size() == 1; }
  /// Returns the parts joined by dots.
  std::string text() const;
};

/// A ListExpr is a list, such as `[t d d]`: a size made of expressions, or (in sections) a list of numbers.
struct ListExpr : Expr {
  std::vector<ExprPtr> elements;

  ListExpr(Location location, std::vector<ExprPtr> elements)
      : Expr(Kind::List, location), elements(std::move(elements)) {}
  static bool classof(const Expr *expr) { return expr->kind == Kind::List; }
};

/// A BoundExpr is a unit, block or operation with arguments bound, such as `(conv3d t=1)`; there is at least
/// one argument. Parentheses without arguments only group and leave no node.
struct BoundExpr : Expr {
  ExprPtr callee; // a PathExpr in every checked program
  std::vector<Argument> arguments;

  BoundExpr(Location location, ExprPtr callee, std::vector<Argument> arguments);
  ~BoundExpr() override;
  static bool classof(const Expr *expr) { return expr->kind == Kind::Bound; }
};

/// A BinaryExpr is an arithmetic expression of integers, such as `a + b`; sizes in a list's elements are
/// integers too. `/` rounds down.
struct BinaryExpr : Expr {
  enum class Op { Add, Sub, Mul, Div, Mod };
  Op op;
  Location opLocation;
  ExprPtr lhs, rhs;

  BinaryExpr(Location location, Op op, Location opLocation, ExprPtr lhs, ExprPtr rhs)
      : Expr(Kind::Binary, location), op(op), opLocation(opLocation), lhs(std::move(lhs)),
        rhs(std::move(rhs)) {}
  static bool classof(const Expr *expr) { return expr->kind == Kind::Binary; }
};

/// An Argument is one argument of a call, such as `128`, `ch=128` or `block=a|b`. What every call can be told
/// (`x4`, `times=n`, `same=a`, `frozen=on`) is not among them: see CallStmt.
struct Argument {
  std::string name;  // empty: positional
  Location location; // that of the name, or of a positional argument's expression
  std::vector<ExprPtr>
      cycle; // one expression, or those between the `|`: copy i takes element i modulo their number

  bool isNamed() const { return !name.empty(); }
  const Expr &value() const { return *cycle.front(); }
};

/// A Name is a word with its place: a label or a name.
struct Name {
  std::string text;
  Location location;
};

struct Stmt {
  enum class Kind { Let, Set, Stream, From, Call };

  const Kind kind;
  /// The location is the place of the word that starts the statement (the label, where there is one).
  Location location;

  virtual ~Stmt() = default;

protected:
  Stmt(Kind kind, Location location) : kind(kind), location(location) {}
};
using StmtPtr = std::unique_ptr<Stmt>;

/// A Chain is a chain `a -> b -> c`: the statements of one line, or of a line and those after it that start
/// with `->`.
struct Chain {
  std::vector<StmtPtr> statements;
};

/// A Body is a body `{ ... }`. In a definition, stream or residual the chains follow each other; in `add`,
/// `mul`, `average` and `concat` each chain is a branch that starts from the same value.
struct Body {
  std::vector<Chain> chains;
  Location open, close; // the braces
  bool broken = false;  // a line had an error and is left out
};

/// A LetStmt is a statement such as `let m = 27*in.c*ch / (9*in.c + 3*ch)`.
struct LetStmt : Stmt {
  Name name;
  ExprPtr value;

  LetStmt(Location location, Name name, ExprPtr value)
      : Stmt(Kind::Let, location), name(std::move(name)), value(std::move(value)) {}
  static bool classof(const Stmt *stmt) { return stmt->kind == Kind::Let; }
};

/// A SetStmt is a statement such as `set bn.eps=1e-5`.
struct SetStmt : Stmt {
  Name head;
  Name parameter;
  ExprPtr value;

  SetStmt(Location location, Name head, Name parameter, ExprPtr value)
      : Stmt(Kind::Set, location), head(std::move(head)), parameter(std::move(parameter)),
        value(std::move(value)) {}
  static bool classof(const Stmt *stmt) { return stmt->kind == Kind::Set; }
};

/// A StreamStmt is a stream, such as `stream flow { ... }`.
struct StreamStmt : Stmt {
  Name name;
  Body body;

  StreamStmt(Location location, Name name, Body body)
      : Stmt(Kind::Stream, location), name(std::move(name)), body(std::move(body)) {}
  static bool classof(const Stmt *stmt) { return stmt->kind == Kind::Stream; }
};

/// A FromStmt is a statement such as `from mid3` or `small: from in`.
struct FromStmt : Stmt {
  std::optional<Name> label;
  std::unique_ptr<PathExpr> path;

  FromStmt(Location location, std::optional<Name> label, std::unique_ptr<PathExpr> path)
      : Stmt(Kind::From, location), label(std::move(label)), path(std::move(path)) {}
  static bool classof(const Stmt *stmt) { return stmt->kind == Kind::From; }
};

/// A CallStmt is a call, such as `mid3: stage conv(2+1)d ch=128 x4 stride=2` or `residual { ... }`. The head
/// is an operation, a definition, or a parameter of type unit or block.
struct CallStmt : Stmt {
  std::optional<Name> label; // the label; `_` counts as one
  Name head;
  std::vector<Argument> arguments; // in the order written
  ExprPtr times;                   // number of copies (`x4` is an IntExpr), or null
  ExprPtr same;                    // the value whose weights the call uses, or null: it has its own
  ExprPtr frozen;                  // whether training leaves its weights alone, or null
  std::optional<Body> body;        // the braces of residual, add, mul, average, concat

  CallStmt(Location location, std::optional<Name> label, Name head)
      : Stmt(Kind::Call, location), label(std::move(label)), head(std::move(head)) {}
  static bool classof(const Stmt *stmt) { return stmt->kind == Kind::Call; }
};

/// Names the types of parameters. Those of definitions have one of the types up to Value; Axes is for
/// operations alone.
enum class Type { Int, Number, Size, Flag, Word, Unit, Block, Value, Axes };

/// A Parameter is a parameter of a definition, such as `stride:size=1`.
struct Parameter {
  Name name;
  Type type = Type::Int;
  ExprPtr defaultValue; // null: must be given
};

/// A Definition is a unit, block or network, which has a body, or an act, which has operands and a formula.
struct Definition {
  enum class Kind { Unit, Block, Network, Act };
  Kind kind;
  Location location; // place of the keyword; its file is the definition's file
  Name name;
  std::vector<Parameter> parameters;
  Body body;
  std::vector<Name> operands;
  FormulaPtr formula;

  const Parameter *parameter(llvm::StringRef name) const;
};

/// A Section is a section: `data { ... }`, `train { ... }`, `eval { ... }` or `compute { ... }`.
struct Section {
  enum class Kind { Data, Train, Eval, Compute };
  Kind kind;
  Location location;
  Body body;
};

struct File {
  uint32_t id = 0; // its number in Sources
  std::vector<Name> uses;
  std::vector<std::unique_ptr<Definition>> definitions;
  std::vector<Section> sections;
  llvm::StringSet<> failedNames; // names that lines with errors would have given; using one is no new error
};

/// Visits the statement and what stands in its braces.
void visitStatements(const Stmt &stmt, llvm::function_ref<void(const Stmt &)> visit);
void visitStatements(const Body &body, llvm::function_ref<void(const Stmt &)> visit);
/// Visits the paths in an expression, or in those of one statement.
void visitPaths(const Expr &expr, llvm::function_ref<void(const PathExpr &)> visit);
void visitPaths(const Stmt &stmt, llvm::function_ref<void(const PathExpr &)> visit);

/// These return words of the language: "int", "unit", "train", "+" ...
llvm::StringRef toString(Type type);
llvm::StringRef toString(Definition::Kind kind);
llvm::StringRef toString(Section::Kind kind);
llvm::StringRef toString(BinaryExpr::Op op);

} // namespace kinema::dsl
