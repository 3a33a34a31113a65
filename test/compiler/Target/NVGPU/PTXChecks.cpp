#include "test/compiler/Target/NVGPU/PTXChecks.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <set>
#include <vector>

using namespace llvm;
using namespace kinema;

/// Calls `take` with each register of a line whose name begins with `prefix`.
static void eachRegister(StringRef line, StringRef prefix, function_ref<void(StringRef)> take) {
  for (size_t at = line.find(prefix); at != StringRef::npos; at = line.find(prefix, at + 1))
    take(line.substr(at).take_while([](char c) { return c == '%' || isAlnum(c); }));
}

static StringRef earlyReadOf(ArrayRef<StringRef> lines) {
  std::set<StringRef> loading;
  for (StringRef line : lines) {
    bool early = false;
    eachRegister(line, "%r", [&](StringRef name) { early |= loading.count(name) > 0; });
    if (early)
      return line;
    if (line.contains("tcgen05.ld."))
      eachRegister(line.split('}').first, "%r", [&](StringRef name) { loading.insert(name); });
    else if (line.contains("tcgen05.wait::ld"))
      loading.clear();
  }
  return {};
}

static bool isProduct(StringRef line) {
  return line.contains("wgmma.mma_async") || line.contains("tcgen05.mma");
}

/// Returns the register that a line writes, and the rest of the line.
static std::pair<StringRef, StringRef> resultOf(StringRef line) {
  auto [made, rest] = line.split(',');
  size_t at = made.find('%');
  return {at == StringRef::npos ? StringRef() : made.substr(at).trim(), rest};
}

/// Returns the registers that products take descriptors from, and those from which these are made by
/// operations that leave each word where it is.
static std::set<StringRef> descriptorsOf(ArrayRef<StringRef> lines) {
  constexpr StringRef keepWords[] = {"mov.b64", "mov.u64", "add.s64", "add.u64", "sub.s64",
                                     "and.b64", "or.b64",  "xor.b64", "selp.b64"};
  std::set<StringRef> descriptors;
  auto take = [&](StringRef name) { descriptors.insert(name); };
  std::vector<StringRef> makers;
  for (StringRef line : lines)
    if (isProduct(line))
      eachRegister(line, "%rd", take);
    else if (any_of(keepWords, [&](StringRef name) { return line.starts_with(name); }))
      makers.push_back(line);
  for (size_t before = 0; before != descriptors.size();) {
    before = descriptors.size();
    for (StringRef line : reverse(makers))
      if (auto [made, rest] = resultOf(line); descriptors.count(made))
        eachRegister(rest, "%rd", take);
  }
  return descriptors;
}

static StringRef sumOfDescriptors(ArrayRef<StringRef> lines) {
  std::set<StringRef> descriptors = descriptorsOf(lines);
  for (StringRef line : lines) {
    auto [made, rest] = resultOf(line);
    if (!line.starts_with("add.") || !descriptors.count(made))
      continue;
    uint64_t added = 0;
    if (!rest.rsplit(", ").second.rtrim("; \t").getAsInteger(10, added) && added >> 32 != 0)
      return line;
  }
  return {};
}

/// Returns a product that takes no descriptor from a register: then this file does not know how the code
/// names them.
static StringRef productWithoutDescriptor(ArrayRef<StringRef> lines) {
  for (StringRef line : lines)
    if (isProduct(line) && !line.contains("%rd"))
      return line;
  return {};
}

std::string kinema::testing::faultOfPTX(StringRef ptx) {
  std::vector<StringRef> lines;
  for (StringRef line : split(ptx, '\n'))
    lines.push_back(line.trim());
  struct Check {
    StringRef (*find)(ArrayRef<StringRef>);
    StringRef fault;
  };
  for (Check check : {Check{earlyReadOf, "reads what a load from tensor memory may not have written yet"},
                      Check{sumOfDescriptors, "adds to both words of a descriptor"},
                      Check{productWithoutDescriptor, "multiplies without a descriptor in a register"}})
    if (StringRef line = check.find(lines); !line.empty())
      return (check.fault + ": " + line).str();
  return "";
}
