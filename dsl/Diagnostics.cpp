#include "dsl/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <tuple>

namespace kinema::dsl {

namespace {

/// Limits the piece of a source line that an error shows.
constexpr size_t excerptBytes = 160;

/// Limits a message.
constexpr size_t messageBytes = 400;

/// An Excerpt is a piece of a source line made fit for a terminal, with the columns (as shown) of the
/// underline.
struct Excerpt {
  std::string text;
  std::string padding; // blanks and tabs up to the caret
  size_t underline = 1;
};

/// Appends the character at `line[i]`, with control characters and broken UTF-8 as '?'; returns how many
/// bytes it has.
size_t appendPrintable(llvm::StringRef line, size_t i, std::string &out) {
  unsigned char c = line[i];
  if (c < 0x80) {
    out += c == '\t' ? ' ' : (c < 0x20 || c == 0x7f) ? '?' : char(c);
    return 1;
  }
  auto *begin = reinterpret_cast<const llvm::UTF8 *>(line.data() + i);
  auto *end = reinterpret_cast<const llvm::UTF8 *>(line.end());
  if (!llvm::isLegalUTF8Sequence(begin, end)) {
    out += '?';
    return 1;
  }
  size_t bytes = llvm::getNumBytesForUTF8(c);
  out += line.substr(i, bytes);
  return bytes;
}

Excerpt excerptOf(llvm::StringRef line, Location location) {
  size_t caret = std::min<size_t>(location.column - 1, line.size());
  size_t first = caret > excerptBytes / 2 && line.size() > excerptBytes ? caret - excerptBytes / 2 : 0;
  size_t last = std::min(line.size(), first + excerptBytes);
  size_t underlineEnd = std::min<size_t>(caret + std::max(1u, location.length), last);
  Excerpt excerpt;
  excerpt.underline = 0;
  if (first > 0) {
    excerpt.text = "...";
    excerpt.padding = "   ";
  }
  for (size_t i = first; i < last;) {
    if (i < caret)
      excerpt.padding += ' ';
    else if (i < underlineEnd)
      ++excerpt.underline;
    i += appendPrintable(line, i, excerpt.text);
  }
  if (last < line.size())
    excerpt.text += "...";
  excerpt.underline = std::max<size_t>(1, excerpt.underline);
  return excerpt;
}

void renderOne(const Sources &sources, const Diagnostic &error, llvm::raw_ostream &out) {
  llvm::StringRef severity = error.severity == Diagnostic::Severity::Error ? "error: " : "warning: ";
  if (!error.location.known()) {
    out << severity << error.message << '\n';
    if (!error.hint.empty())
      out << "      | " << error.hint << '\n';
  } else {
    out << sources.describe(error.location) << ": " << severity << error.message << '\n';
    Excerpt excerpt = excerptOf(sources.line(error.location.file, error.location.line), error.location);
    out << llvm::format("%5u | ", error.location.line) << excerpt.text << '\n';
    out << "      | " << excerpt.padding << '^' << std::string(excerpt.underline - 1, '~');
    out << (error.hint.empty() ? "" : " ") << error.hint << '\n';
  }
  for (const std::string &note : error.notes)
    out << "      |   " << note << '\n';
  for (Location call : error.calledFrom)
    out << "      |   called from " << sources.describe(call) << ": " << sources.statementAt(call) << '\n';
}

} // namespace

Diagnostic &Diagnostics::error(Location location, std::string message, std::string hint) {
  ++errors;
  return add(Diagnostic::Severity::Error, location, std::move(message), std::move(hint));
}

Diagnostic &Diagnostics::warning(Location location, std::string message, std::string hint) {
  return add(Diagnostic::Severity::Warning, location, std::move(message), std::move(hint));
}

Diagnostic &Diagnostics::add(Diagnostic::Severity severity, Location location, std::string message,
                             std::string hint) {
  for (std::string *text : {&message, &hint}) // names in them may be of any length
    if (text->size() > messageBytes)
      *text = text->substr(0, messageBytes) + "...";
  all.push_back({severity, location, std::move(message), std::move(hint), {}, {}});
  return all.back();
}

std::vector<const Diagnostic *> Diagnostics::sorted() const {
  std::vector<const Diagnostic *> sorted;
  for (const Diagnostic &error : all)
    sorted.push_back(&error);
  auto key = [](const Diagnostic *error) { return std::tie(error->location, error->message); };
  llvm::sort(sorted, [&](auto *a, auto *b) { return std::tuple(key(a), a) < std::tuple(key(b), b); });
  sorted.erase(llvm::unique(sorted, [&](auto *a, auto *b) { return key(a) == key(b); }), sorted.end());
  return sorted;
}

std::string Diagnostics::render() const {
  const std::vector<const Diagnostic *> sorted = this->sorted();
  std::string text;
  llvm::raw_string_ostream out(text);
  for (const Diagnostic *error : llvm::ArrayRef(sorted).take_front(limit))
    renderOne(sources, *error, out);
  if (sorted.size() > limit)
    out << "error: " << sorted.size() - limit << " more errors are not shown\n";
  return text;
}

/// Returns whether the words differ by two neighbouring letters exchanged, which counts as one mistake.
static bool isTransposition(llvm::StringRef a, llvm::StringRef b) {
  if (a.size() != b.size())
    return false;
  size_t i = 0;
  while (i < a.size() && a[i] == b[i])
    ++i;
  return i + 1 < a.size() && a[i] == b[i + 1] && a[i + 1] == b[i] && a.substr(i + 2) == b.substr(i + 2);
}

llvm::StringRef nearest(llvm::StringRef word, llvm::ArrayRef<llvm::StringRef> candidates) {
  llvm::StringRef best;
  unsigned bestDistance = word.size() < 2 ? 0 : (word.size() + 2) / 3;
  for (llvm::StringRef candidate : candidates) {
    if (candidate.empty() || candidate == word)
      continue;
    // Letters of the other case are the cheapest mistake, and an abbreviation is the next.
    unsigned distance = word.edit_distance_insensitive(candidate, true, bestDistance + 1);
    if (isTransposition(word, candidate))
      distance = 1;
    if (distance < bestDistance || (distance == bestDistance && best.empty())) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

std::string didYouMean(llvm::StringRef word, llvm::ArrayRef<llvm::StringRef> candidates) {
  llvm::StringRef name = nearest(word, candidates);
  return name.empty() ? "" : ("did you mean '" + name + "'?").str();
}

} // namespace kinema::dsl
