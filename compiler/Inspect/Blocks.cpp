#include "compiler/Inspect/Blocks.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

using namespace kinema;
using namespace kinema::inspect;

std::string inspect::shortCount(int64_t count) {
  const char *units[] = {"", " k", " M", " G", " T"};
  auto value = static_cast<double>(count);
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < std::size(units); ++unit)
    value /= 1000;
  if (unit == 0)
    return std::to_string(count);
  return fmt::format("{:.{}f}{}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, units[unit]);
}

std::string NetworkBlock::stride() const {
  if (in.empty() || out.empty())
    return "";
  std::vector<int64_t> factors;
  for (auto [from, to] : llvm::zip(llvm::drop_begin(in), llvm::drop_begin(out)))
    factors.push_back((from + to - 1) / to);
  return llvm::all_equal(factors) && factors.front() == 1 ? "" : shapeText(factors);
}

/// Returns the name of a layer inside its block: behind the block's name and the number of the copy.
static std::string labelOf(const Layer &layer) {
  llvm::StringRef name = layer.name;
  if (layer.block.empty() || !name.consume_front(layer.block) || !name.consume_front("."))
    return layer.kind;
  if (layer.copy)
    name.consume_front(std::to_string(*layer.copy) + ".");
  return name.str();
}

static std::string settingOf(const LayerPart &part, const std::string &name) {
  for (const auto &[other, value] : part.settings)
    if (other == name)
      return value;
  return "";
}

/// Returns what a layer computes; an empty string where that is neither work, nor a pool, a join
/// or a learned tensor.
static std::string whatOf(const Layer &layer) {
  std::vector<std::string> work;
  for (const LayerPart &part : layer.parts)
    if (part.contracts) {
      std::string text = part.kernel.empty() ? layer.kind : part.kernel;
      if (part.op == "conv" || part.op == "linear")
        text += fmt::format(" {}", part.channels);
      if (std::string groups = settingOf(part, "groups"); !groups.empty() && groups != "1")
        text += fmt::format(" in {} groups", groups);
      if (work.empty() || work.back() != text) // scores and shares of an attention are products both
        work.push_back(text);
    }
  if (!work.empty())
    return fmt::format("{}", fmt::join(work, ", "));
  for (const LayerPart &part : layer.parts)
    if (!part.kernel.empty()) {
      const bool isGlobal = llvm::all_of(llvm::drop_begin(layer.out), [](int64_t size) { return size == 1; });
      return (part.op.starts_with("max") ? "max pool" : "average pool") + (isGlobal ? "" : " " + part.kernel);
    }
  const bool isLearned = layer.parts.empty() && layer.parameters > 0;
  return isLearned || layer.sources.size() > 1 ? layer.kind : "";
}

/// Returns the part of a label before its last word, "attn." of "attn.q, k".
static std::string pathOf(const std::string &label) {
  const std::string first = label.substr(0, label.find(','));
  return first.substr(0, first.rfind('.') + 1);
}

/// Returns whether a layer is the projection of a residual's shortcut, which some copies alone have.
static bool isShortcut(const Layer &layer) { return llvm::StringRef(layer.name).ends_with(".shortcut"); }

namespace {

/// Collects the rows of a block's copies. Copies that have the same but for shortcuts are of one form.
class Forms {
public:
  void add(const Layer &layer) {
    std::vector<Row> &rows = copies[layer.copy.value_or(0)];
    const std::string what = whatOf(layer), label = labelOf(layer), path = pathOf(label);
    if (what.empty())
      return;
    // A layer that is a block of its own has its kind for a label, which what it does tells of these.
    const bool isTold = layer.block.empty() && (label == "pool" || label == "conv" || label == "fc");
    const bool isJoin = label == path + what; // which is said once
    const bool follows = !rows.empty() && rows.back().what == what && pathOf(rows.back().label) == path;
    if (isTold || isJoin)
      rows.push_back({{"", isTold ? what : label}, false});
    else if (follows && !rows.back().isShortcut && !isShortcut(layer))
      rows.back().label += ", " + label.substr(path.size());
    else
      rows.push_back({{label, what}, isShortcut(layer)});
  }

  int64_t count() const { return static_cast<int64_t>(copies.size()); }

  std::vector<BlockForm> forms() const {
    std::vector<BlockForm> forms;
    for (const auto &[copy, rows] : copies) {
      auto form = llvm::find_if(forms, [&](const BlockForm &form) {
        return withoutShortcuts(copies.at(form.copies[0])) == withoutShortcuts(rows);
      });
      if (form == forms.end())
        form = forms.insert(forms.end(), BlockForm());
      form->copies.push_back(copy);
    }
    for (BlockForm &form : forms)
      for (const Row &row : copies.at(form.copies[0])) {
        form.rows.push_back(row);
        if (row.isShortcut && form.copies.size() > 1)
          form.rows.back().label += fmt::format(" of copy {}", form.copies[0]);
      }
    return forms;
  }

private:
  struct Row : BlockRow {
    bool isShortcut = false;
  };

  static std::vector<BlockRow> withoutShortcuts(const std::vector<Row> &rows) {
    std::vector<BlockRow> others;
    llvm::copy_if(rows, std::back_inserter(others), [](const Row &row) { return !row.isShortcut; });
    return others;
  }

  std::map<int64_t, std::vector<Row>> copies;
};

} // namespace

std::vector<NetworkBlock> inspect::blocksOf(const LayerTable &table) {
  std::vector<NetworkBlock> blocks;
  std::map<std::string, size_t> numbers;
  std::vector<size_t> blockOf; // of each layer
  std::vector<Forms> forms;
  for (const Layer &layer : table.layers) {
    const std::string &name = layer.block.empty() ? layer.name : layer.block;
    auto [place, isNew] = numbers.try_emplace(name, blocks.size());
    if (isNew) {
      NetworkBlock &block = blocks.emplace_back();
      block.name = name;
      block.stream = layer.stream;
      forms.emplace_back();
    }
    NetworkBlock &block = blocks[place->second];
    if (block.in.empty())
      block.in = layer.in;
    if (!layer.out.empty())
      block.out = layer.out;
    block.parameters += layer.parameters;
    block.macs += layer.macs;
    forms[place->second].add(layer);
    blockOf.push_back(place->second);
  }
  std::vector<std::set<int64_t>> sources(blocks.size());
  for (auto [layer, block] : llvm::zip(table.layers, blockOf))
    for (int64_t source : layer.sources)
      if (source < 0 || blockOf[source] != block)
        sources[block].insert(source < 0 ? source : static_cast<int64_t>(blockOf[source]));
  for (auto [number, block] : llvm::enumerate(blocks)) {
    block.copies = forms[number].count();
    block.forms = forms[number].forms();
    block.sources.assign(sources[number].begin(), sources[number].end());
  }
  return blocks;
}
