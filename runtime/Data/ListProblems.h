// Collects what is wrong with a list, and tells it in few lines however much it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kinema {

class ListProblems {
public:
  // Entries of JSON files have no lines, so that they are told by their number.
  explicit ListProblems(std::string file) : file(std::move(file)) {}

  // Adds a line that cannot be used. Lines with the same cause, such as "lines without a label", are told
  // together.
  void add(std::string_view cause, int64_t line, const std::string &text);
  // Adds what is odd about a line that is used.
  void addRemark(std::string_view cause, int64_t line, const std::string &text);

  bool empty() const { return wrong.empty(); }
  int64_t count() const;

  // Writes all lines to a file where the summary does not have room for them; called before the two below.
  void write();
  // Returns the lines that cannot be used: all where they are few, else the number and the first of each
  // cause.
  std::string summary() const;
  // Returns what is odd, a line for each cause.
  std::vector<std::string> remarks() const;

private:
  struct Line {
    std::string place, text;
  };
  struct Cause {
    std::string text;
    std::vector<Line> lines;
  };
  static std::vector<Line> &linesOf(std::vector<Cause> &causes, std::string_view cause);
  Line at(int64_t line, const std::string &text) const;
  bool saysAll() const;

  std::string file;
  std::string all; // says where all lines are; empty: nowhere else
  std::vector<Cause> wrong, odd;
};

} // namespace kinema
