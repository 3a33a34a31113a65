// Translates names of parameters to those in other people's files and back, by tables of rules.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kinema {

struct NamingTable;

// A Naming says what a file calls the parameters of a network. That which is made without a table means the
// names of the spec. docs/from-pytorch.md ("A file of names") describes the tables.
class Naming {
public:
  Naming() = default;
  explicit Naming(std::shared_ptr<const NamingTable> table) : table(std::move(table)) {}

  // Returns whether names differ from those of the spec.
  explicit operator bool() const { return table != nullptr; }
  // Returns the naming as --names has it; empty for the spec's names.
  std::string name() const;

  // Returns a parameter's name in a file, by the first rule that fits; empty where none does.
  std::string find(const std::string &parameter) const;
  // Returns the same. Throws Error where no rule fits.
  std::string inFile(const std::string &parameter) const;
  // Returns the parameters that a tensor of a file may be, by the order of the rules. There may be several,
  // since it depends on the network which one it is.
  std::vector<std::string> inNetwork(const std::string &tensor) const;
  // Returns the shape that a parameter has in a file: the given one, of which only some axes may be left.
  // Throws Error where an axis is to go that has another size than 1.
  std::vector<int64_t> shapeInFile(const std::string &parameter, const std::vector<int64_t> &shape) const;

private:
  std::shared_ptr<const NamingTable> table;
};

// Returns the naming that is called so: "" or "kinema" for the spec's own names, one of those that
// `namingNames` lists, or the path of a file of names. Throws Error, with status 2 where there is neither.
Naming findNaming(const std::string &name);

// Reads a table from a text; messages call it `origin`. Throws Error.
Naming parseNaming(const std::string &text, const std::string &origin);

// Lists the namings that are known by name, without the spec's own.
std::vector<std::string> namingNames();

} // namespace kinema
