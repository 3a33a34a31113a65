#include "runtime/Package/Names.h"

#include "runtime/Package/Namings.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Nearest.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <sstream>
#include <string_view>
#include <utility>

namespace kinema {
namespace {

enum Side { Network, File };

// A Placeholder stands for one of some texts, each of which has a form on either side, or for a number.
struct Placeholder {
  std::string name;
  std::vector<std::pair<std::string, std::string>> values; // empty: any number, the same on both sides

  const std::string &form(size_t value, Side side) const {
    return side == Network ? values[value].first : values[value].second;
  }
};

// A Piece of a pattern is a text, or the rule's placeholder of that index.
struct Piece {
  std::string text;
  int placeholder = -1;
};
using Pattern = std::vector<Piece>;

struct Rule {
  std::vector<Placeholder> placeholders;
  Pattern sides[2]; // by Side
  std::string axes; // those that a file has, of "OITHW"; empty: all
};

// What a placeholder stands for: the index of a value, or a number's digits.
struct Binding {
  size_t value = 0;
  std::string digits;
};

// Calls found(bindings) for each way in which the text fits the pattern from piece `at` on.
template <typename Found>
void match(const Rule &rule, Side side, std::string_view text, size_t at, std::vector<Binding> &bindings,
           Found &&found) {
  const Pattern &pattern = rule.sides[side];
  if (at == pattern.size()) {
    if (text.empty())
      found(bindings);
    return;
  }
  const Piece &piece = pattern[at];
  auto goOn = [&](std::string_view prefix) {
    if (text.starts_with(prefix))
      match(rule, side, text.substr(prefix.size()), at + 1, bindings, found);
  };
  if (piece.placeholder < 0)
    return goOn(piece.text);
  const Placeholder &placeholder = rule.placeholders[piece.placeholder];
  Binding &binding = bindings[piece.placeholder];
  if (placeholder.values.empty()) {
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    for (size_t count = digits; count > 0; --count) {
      binding.digits = text.substr(0, count);
      goOn(text.substr(0, count));
    }
    return;
  }
  for (binding.value = 0; binding.value < placeholder.values.size(); ++binding.value)
    goOn(placeholder.form(binding.value, side));
}

std::string substitute(const Rule &rule, Side side, const std::vector<Binding> &bindings) {
  std::string text;
  for (const Piece &piece : rule.sides[side]) {
    text += piece.text;
    if (piece.placeholder < 0)
      continue;
    const Placeholder &placeholder = rule.placeholders[piece.placeholder];
    const Binding &binding = bindings[piece.placeholder];
    text += placeholder.values.empty() ? binding.digits : placeholder.form(binding.value, side);
  }
  return text;
}

bool has(const Pattern &pattern, size_t placeholder) {
  return std::ranges::any_of(
      pattern, [&](const Piece &piece) { return piece.placeholder == static_cast<int>(placeholder); });
}

// Calls add(name) for each name of the other side that the bindings lead to. A placeholder that this side
// lacks may stand for any of its values.
template <typename Add>
void expand(const Rule &rule, Side from, std::vector<Binding> bindings, size_t placeholder, Add &&add) {
  if (placeholder == rule.placeholders.size())
    return add(substitute(rule, from == Network ? File : Network, bindings));
  if (has(rule.sides[from], placeholder))
    return expand(rule, from, bindings, placeholder + 1, add);
  for (size_t value = 0; value < rule.placeholders[placeholder].values.size(); ++value) {
    bindings[placeholder].value = value;
    expand(rule, from, bindings, placeholder + 1, add);
  }
}

// Returns the names of the other side that a rule gives to a name of this side.
std::vector<std::string> apply(const Rule &rule, Side from, std::string_view name) {
  std::vector<std::string> names;
  std::vector<Binding> bindings(rule.placeholders.size());
  match(rule, from, name, 0, bindings, [&](const std::vector<Binding> &bound) {
    expand(rule, from, bound, 0, [&](std::string other) { names.push_back(std::move(other)); });
  });
  return names;
}

} // namespace

struct NamingTable {
  std::string name;
  std::vector<Rule> rules;
};

namespace {

// A Reader reads the lines of a file of names.
class Reader {
public:
  Reader(const std::string &text, const std::string &origin) : lines(text), origin(origin) {}

  std::shared_ptr<const NamingTable> read() {
    table->name = origin;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      line = line.substr(0, line.find('#'));
      std::istringstream words(line);
      std::vector<std::string> parts;
      for (std::string word; words >> word;)
        parts.push_back(word);
      if (!parts.empty())
        readLine(parts);
    }
    if (table->rules.empty())
      fail("{} has no rules; a line of one is `stem.bn.weight -> bn1.weight`", origin);
    return table;
  }

private:
  std::istringstream lines;
  std::string origin;
  int64_t number = 0;
  std::map<std::string, Placeholder> known;
  std::shared_ptr<NamingTable> table = std::make_shared<NamingTable>();

  void readLine(const std::vector<std::string> &words) {
    if (words.size() == 2 && words[0] == "use")
      return use(words[1]);
    if (words.size() > 2 && words[1] == "=")
      return declare(words);
    if (words.size() > 2 && words[1] == "->")
      return addRule(words);
    fail("{}:{}: expected NAME -> NAME IN THE FILE, {{PLACEHOLDER}} = TEXT ..., or use NAMING", origin,
         number);
  }

  void use(const std::string &name) {
    for (const NamingFile &file : namingFiles())
      if (file.name == name) {
        auto used = Reader(std::string(file.text), name).read();
        table->rules.insert(table->rules.end(), used->rules.begin(), used->rules.end());
        return;
      }
    fail("{}:{}: there is no naming '{}' to use; there are {}", origin, number, name,
         fmt::join(namingNames(), ", "));
  }

  void declare(const std::vector<std::string> &words) {
    Placeholder placeholder;
    const std::string &name = words[0];
    if (name.size() < 3 || name.front() != '{' || name.find('}') != name.size() - 1)
      fail("{}:{}: a placeholder is declared as {{NAME}} = TEXT ..., found {}", origin, number, name);
    placeholder.name = name.substr(1, name.size() - 2);
    for (size_t i = 2; i < words.size(); ++i) {
      const size_t colon = words[i].find(':');
      placeholder.values.emplace_back(words[i].substr(0, colon),
                                      words[i].substr(colon == std::string::npos ? 0 : colon + 1));
    }
    known[placeholder.name] = std::move(placeholder);
  }

  void addRule(const std::vector<std::string> &words) {
    Rule rule;
    rule.sides[Network] = parsePattern(words[0], rule);
    const size_t left = rule.placeholders.size();
    rule.sides[File] = parsePattern(words[2], rule);
    for (size_t i = 0; i < rule.placeholders.size(); ++i) {
      const Placeholder &placeholder = rule.placeholders[i];
      if (i >= left)
        fail("{}:{}: {{{}}} stands behind the arrow alone, so nothing says what it is", origin, number,
             placeholder.name);
      if (placeholder.values.empty() && !has(rule.sides[File], i))
        fail("{}:{}: {{{}}} stands before the arrow alone, so its values must be listed: {{{}}} = 0 1 2",
             origin, number, placeholder.name, placeholder.name);
    }
    for (size_t i = 3; i < words.size(); ++i)
      rule.axes += words[i];
    if (!rule.axes.empty())
      readAxes(rule.axes);
    table->rules.push_back(std::move(rule));
  }

  // Makes "OIHW" of "[OIHW]".
  void readAxes(std::string &axes) const {
    const std::string given = axes;
    std::erase_if(axes, [](char c) { return c == '[' || c == ']'; });
    const std::string all = "OITHW";
    size_t at = 0;
    for (char axis : axes)
      at = at == std::string::npos || all.find(axis, at) == std::string::npos ? std::string::npos
                                                                              : all.find(axis, at) + 1;
    if (given.front() != '[' || given.back() != ']' || given.size() != axes.size() + 2 || axes.empty() ||
        at == std::string::npos)
      fail("{}:{}: the axes that a file has are some of [O I T H W], in this order, found {}", origin, number,
           given);
  }

  Pattern parsePattern(std::string_view text, Rule &rule) const {
    Pattern pattern;
    while (!text.empty()) {
      const size_t open = text.find('{'), close = text.find('}');
      if (open == 0 && close == std::string_view::npos)
        fail("{}:{}: a placeholder is not closed: {}", origin, number, text);
      if (open != 0) {
        pattern.push_back({std::string(text.substr(0, open)), -1});
        text.remove_prefix(std::min(open, text.size()));
        continue;
      }
      const int index = placeholderOf(std::string(text.substr(1, close - 1)), rule);
      if (has(pattern, index))
        fail("{}:{}: {{{}}} stands twice on one side of the arrow", origin, number,
             rule.placeholders[index].name);
      pattern.push_back({"", index});
      text.remove_prefix(close + 1);
    }
    return pattern;
  }

  int placeholderOf(const std::string &name, Rule &rule) const {
    for (size_t i = 0; i < rule.placeholders.size(); ++i)
      if (rule.placeholders[i].name == name)
        return static_cast<int>(i);
    auto declared = known.find(name);
    rule.placeholders.push_back(declared != known.end() ? declared->second : Placeholder{name, {}});
    return static_cast<int>(rule.placeholders.size()) - 1;
  }
};

} // namespace

std::string Naming::name() const { return table ? table->name : ""; }

std::string Naming::find(const std::string &parameter) const {
  if (!table)
    return parameter;
  for (const Rule &rule : table->rules)
    if (std::vector<std::string> names = apply(rule, Network, parameter); !names.empty())
      return names.front();
  return "";
}

std::string Naming::inFile(const std::string &parameter) const {
  std::string found = find(parameter);
  if (found.empty())
    fail("parameter {} has no name in the naming {}; leave --names out to use the spec's names, or name a "
         "file of names",
         parameter, name());
  return found;
}

std::vector<std::string> Naming::inNetwork(const std::string &tensor) const {
  if (!table)
    return {tensor};
  std::vector<std::string> found;
  for (const Rule &rule : table->rules)
    for (const std::string &parameter : apply(rule, File, tensor))
      // Another rule may come before this one for the parameter.
      if (find(parameter) == tensor && std::ranges::find(found, parameter) == found.end())
        found.push_back(parameter);
  return found;
}

std::vector<int64_t> Naming::shapeInFile(const std::string &parameter,
                                         const std::vector<int64_t> &shape) const {
  if (!table)
    return shape;
  auto rule = std::ranges::find_if(
      table->rules, [&](const Rule &rule) { return !apply(rule, Network, parameter).empty(); });
  if (rule == table->rules.end() || rule->axes.empty() || shape.size() <= rule->axes.size())
    return shape;
  std::vector<int64_t> kept;
  constexpr std::string_view all = "OITHW";
  for (size_t axis = 0; axis < shape.size(); ++axis)
    if (axis < all.size() && rule->axes.find(all[axis]) != std::string::npos)
      kept.push_back(shape[axis]);
    else if (shape[axis] != 1)
      fail("parameter {} is [{}], and {} has no axis {} in it: a network of this naming has 1 there",
           parameter, fmt::join(shape, ", "), table->name, axis < all.size() ? all[axis] : '?');
  return kept;
}

std::vector<std::string> namingNames() {
  std::vector<std::string> names;
  for (const NamingFile &file : namingFiles())
    names.emplace_back(file.name);
  return names;
}

Naming parseNaming(const std::string &text, const std::string &origin) {
  return Naming(Reader(text, origin).read());
}

Naming findNaming(const std::string &name) {
  if (name.empty() || name == "kinema")
    return {};
  for (const NamingFile &file : namingFiles())
    if (file.name == name)
      return parseNaming(std::string(file.text), name);
  if (!std::filesystem::is_regular_file(name))
    refuse("there is no naming '{}', nor such a file of names{}; there are kinema, {}", name,
           didYouMean(name, namingNames()), fmt::join(namingNames(), ", "));
  return parseNaming(readFile(name), name);
}

} // namespace kinema
