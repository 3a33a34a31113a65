#include "compiler/Conversion/ArchToClip/Report.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;

InFlightDiagnostic expansion::report(Location where, const Frame *frame, const Twine &message,
                                     const Twine &hint) {
  // A default of an operation stands nowhere: the call is the place then.
  for (const Frame *f = frame; f && isa<UnknownLoc>(where); f = f->outer ? f->outer : f->caller)
    if (f->call)
      where = *f->call;
  InFlightDiagnostic diagnostic = emitError(where) << message.str();
  std::string text = hint.str();
  if (!text.empty())
    diagnostic.attachNote(where) << "hint: " << text;
  for (const Frame *f = frame; f; f = f->outer ? f->outer : f->caller)
    if (f->call && *f->call != where)
      diagnostic.attachNote(*f->call) << "called from here";
  return diagnostic;
}

static constexpr const char *axisNames[] = {"T", "H", "W"};

std::string expansion::differences(const Activation &a, const Activation &b, bool channels) {
  std::string text;
  auto add = [&](const char *axis, int64_t left, int64_t right) {
    if (left != right)
      text += (text.empty() ? "" : ", ") + std::string(axis) + " " + std::to_string(left) + " and " +
              std::to_string(right);
  };
  if (channels)
    add("C", a.channels(), b.channels());
  for (int axis = 0; axis < 3; ++axis)
    add(axisNames[axis], a.size()[axis], b.size()[axis]);
  return text;
}

unsigned expansion::lineOf(Location location) {
  unsigned line = 0;
  location->walk([&](Location part) {
    auto range = dyn_cast<FileLineColRange>(part);
    if (!range)
      return WalkResult::advance();
    line = range.getStartLine();
    return WalkResult::interrupt();
  });
  return line;
}

std::string expansion::historyOf(const Activation &value, int axis) {
  std::string text = std::string(axisNames[axis]) + " is " + std::to_string(value.size()[axis]);
  if (value.input[axis] == value.size()[axis] || value.input[axis] == 0)
    return text;
  text += ": " + std::to_string(value.input[axis]) + " at the input";
  int64_t previous = 0; // the factor that the list of lines belongs to
  for (const Activation::Reduction &reduction : value.reductions) {
    int64_t factor = reduction.factor[axis];
    unsigned line = lineOf(reduction.where);
    if (factor == 1 || line == 0)
      continue;
    if (factor == previous)
      text += ", " + std::to_string(line);
    else
      text += (factor == 2 ? ", halved at lines " : ", divided by " + std::to_string(factor) + " at lines ") +
              std::to_string(line);
    previous = factor;
  }
  return text;
}
