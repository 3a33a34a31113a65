// Renders the errors and warnings of all phases that speak about the author's text in one form:
//
//   net.arch:6:3: error: add of 64x8x28x28 and 64x16x56x56
//       6 |   add low
//         |   ^~~ T 8 and 16, H 28 and 56, W 28 and 56 differ by 2: `from low -> pool avg 2x2x2` would fit
//         |   64x8x28x28  is the value before, from line 5: stage conv3d ch=64 x2 stride=2
//         |   called from net.arch:7:3: stage p3d_b ch=512 x4 stride=1x2x2
#pragma once

#include "dsl/Source.h"

#include "llvm/ADT/ArrayRef.h"

namespace kinema::dsl {

struct Diagnostic {
  enum class Severity { Error, Warning };

  Severity severity;
  Location location;
  std::string message;              // one line, lower case, no full stop
  std::string hint;                 // after the underline; may be empty
  std::vector<std::string> notes;   // plain lines below it
  std::vector<Location> calledFrom; // places of the calls that led here, innermost first

  Diagnostic &note(std::string text) {
    notes.push_back(std::move(text));
    return *this;
  }
  Diagnostic &from(llvm::ArrayRef<Location> calls) {
    calledFrom.assign(calls.begin(), calls.end());
    return *this;
  }
};

/// Collects errors and warnings; rendering sorts them by place, drops repetitions and shows the first
/// `limit`.
class Diagnostics {
public:
  static constexpr unsigned limit = 20;

  explicit Diagnostics(const Sources &sources) : sources(sources) {}

  /// Reports an error. The result is valid until the next error and to be used at once:
  /// `error(...).note(...)`. A location that is not known (line 0) makes an error without an excerpt: "error:
  /// message".
  Diagnostic &error(Location location, std::string message, std::string hint = {});
  /// Reports a warning: something allowed that was hardly meant.
  Diagnostic &warning(Location location, std::string message, std::string hint = {});

  /// These two count errors alone.
  bool any() const { return errors > 0; }
  unsigned count() const { return errors; }
  /// Returns what was reported, sorted by place and without repetitions; valid until the next report.
  std::vector<const Diagnostic *> sorted() const;
  /// Returns all of the report, each line with its end.
  std::string render() const;

private:
  Diagnostic &add(Diagnostic::Severity severity, Location location, std::string message, std::string hint);

  const Sources &sources;
  std::vector<Diagnostic> all;
  unsigned errors = 0;
};

/// Returns the candidate that differs least from `word`, or an empty string where none is near enough to be
/// meant.
llvm::StringRef nearest(llvm::StringRef word, llvm::ArrayRef<llvm::StringRef> candidates);
/// Returns "did you mean 'x'?", or an empty string.
std::string didYouMean(llvm::StringRef word, llvm::ArrayRef<llvm::StringRef> candidates);

} // namespace kinema::dsl
