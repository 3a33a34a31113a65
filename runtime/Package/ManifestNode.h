// Reads values of a manifest, each of which knows its place there, for messages.
#pragma once

#include "runtime/Package/Manifest.h"
#include "runtime/Support/Error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kinema {

inline constexpr int64_t largestArena = int64_t{1} << 46; // bytes
inline constexpr int64_t largestCount = int64_t{1} << 62;

// A ManifestNode is a JSON value with its place in the manifest. Its functions throw Error with that place.
class ManifestNode {
public:
  ManifestNode(const nlohmann::json &value, std::string place) : value(value), place(std::move(place)) {}

  template <typename... Args>
  [[noreturn]] void fault(fmt::format_string<Args...> format, Args &&...args) const {
    fail("{}: {}", place, fmt::format(format, std::forward<Args>(args)...));
  }

  bool has(const char *name) const { return value.is_object() && value.contains(name); }

  ManifestNode at(const char *name) const {
    if (!value.is_object())
      fault("expected an object, found {}", value.type_name());
    auto found = value.find(name);
    if (found == value.end())
      fault("'{}' is missing", name);
    return ManifestNode(*found, place + "." + name);
  }

  int64_t integer(int64_t least, int64_t most) const {
    if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX))
      fault("expected an integer, found {}", shown());
    int64_t number = value.get<int64_t>();
    if (number < least || number > most)
      fault("expected an integer between {} and {}, found {}", least, most, number);
    return number;
  }

  double number() const {
    if (!value.is_number())
      fault("expected a number, found {}", shown());
    return value.get<double>();
  }

  std::string text() const {
    if (!value.is_string())
      fault("expected a string, found {}", shown());
    return value.get<std::string>();
  }

  bool flag() const {
    if (!value.is_boolean())
      fault("expected true or false");
    return value.get<bool>();
  }

  std::vector<ManifestNode> list() const {
    if (!value.is_array())
      fault("expected a list, found {}", shown());
    std::vector<ManifestNode> items;
    for (size_t i = 0; i < value.size(); ++i)
      items.emplace_back(value[i], fmt::format("{}[{}]", place, i));
    return items;
  }

  std::vector<std::pair<std::string, ManifestNode>> members() const {
    if (!value.is_object())
      fault("expected an object, found {}", shown());
    std::vector<std::pair<std::string, ManifestNode>> items;
    for (const auto &[name, item] : value.items())
      items.emplace_back(name, ManifestNode(item, place + "." + name));
    return items;
  }

  const nlohmann::json &raw() const { return value; }

private:
  const nlohmann::json &value;
  std::string place;

  std::string shown() const {
    std::string dump = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return dump.size() > 60 ? dump.substr(0, 60) + "..." : dump;
  }
};

// Reads the place of so many bytes in an arena.
int64_t parsePlace(const ManifestNode &node, int64_t bytes, int64_t arenaBytes);
// Returns whether these bytes have some in common with the segment.
bool overlap(int64_t offset, int64_t bytes, const Segment &segment);
std::vector<int64_t> parseShape(const ManifestNode &node);
Order parseOrder(const ManifestNode &node);
// Reads a tensor and checks that its bytes are those of its order and lie in the arena.
void parseTensor(const ManifestNode &node, int64_t arenaBytes, ArenaTensor &tensor);

// Returns the bytes of a tensor whose elements are the product of some sizes, or nothing where it would
// exceed every arena.
template <typename Sizes, typename SizeOf>
std::optional<int64_t> storageBytes(const Sizes &sizes, SizeOf sizeOf) {
  int64_t bytes = 4;
  for (const auto &item : sizes)
    if (bytes > largestArena / std::max<int64_t>(sizeOf(item), 1))
      return std::nullopt;
    else
      bytes *= sizeOf(item);
  return bytes;
}

} // namespace kinema
