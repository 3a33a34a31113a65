// Reads the names of classes, in the order of their labels.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kinema {

// Reads a file of names: one a line; or lines `N NAME` that count from 1, as in UCF101's classInd.txt; or
// `N,NAME` from 0 below the line `id,name`, as for Kinetics; or a JSON object that gives each name its
// number, as for Something-Something. Throws Error on empty or repeated names and on numbers that are left
// out.
std::vector<std::string> readClassNames(const std::string &file);

// Returns the name of a class or, where `names` has none for it, its label behind `before`.
std::string nameOfClass(const std::vector<std::string> &names, int64_t label, std::string_view before = "");

// Finds the numbers of names.
class ClassTable {
public:
  ClassTable() = default;
  explicit ClassTable(const std::vector<std::string> &names);

  const std::vector<std::string> &names() const { return ordered; }
  bool empty() const { return ordered.empty(); }
  // Returns the label of a name, -1 where there is none of it.
  int32_t find(std::string_view name) const;
  // Returns the label of a name, which gets the next number where it is new.
  int32_t add(std::string_view name);

private:
  std::vector<std::string> ordered;
  std::unordered_map<std::string, int32_t> numbers;
};

} // namespace kinema
