// Makes a VideoList of what the readers of the formats find in their lines.
#pragma once

#include "runtime/Data/ClassNames.h"
#include "runtime/Data/ListProblems.h"
#include "runtime/Data/VideoList.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kinema {

// Says where a data set may keep a video: in one of these folders, under one of these names, with one of
// these extensions.
struct VideoPlaces {
  std::vector<std::string> folders, names, extensions;
};

class ListBuilder {
public:
  // `names` are those of the classes; empty where nobody knows them.
  ListBuilder(const std::string &file, const ListOptions &options, const std::vector<std::string> &names);

  const std::string &file() const { return list.file; }
  const ListOptions &options() const { return wanted; }
  const std::filesystem::path &root() const { return folder; }
  // Returns the names of the classes: all of them, or, where nobody knows them, those that were met.
  const ClassTable &classes() const { return table; }
  bool knowsClasses() const { return known; }

  // Returns the path of a video: the first of its places where there is a file or, where there is none, the
  // first of all.
  std::string find(const VideoPlaces &places);

  // These add a video. A class that is not among the known ones, and a label that is negative or beyond the
  // classes, are problems.
  void add(int64_t line, std::string name, std::string path, std::string_view className);
  void addNumbered(int64_t line, std::string name, std::string path, const std::vector<int64_t> &labels);
  void addUnlabelled(int64_t line, std::string name, std::string path);
  // Makes a class known that has no videos here, such as an empty folder.
  void addClass(std::string_view name) {
    if (!known)
      table.add(name);
  }
  // Names the classes whose labels were given as numbers.
  void nameClasses(const std::vector<std::string> &names) { table = ClassTable(names); }

  ListProblems &problems() { return wrong; }

  VideoList finish(std::string format);

private:
  void keep(LabelledVideo video);
  bool hasFolder(const std::string &name);
  void sortClasses();
  void checkLabels();
  void remarkDuplicates();
  void remarkMissing();

  const ListOptions &wanted;
  VideoList list;
  std::filesystem::path folder;
  ClassTable table;
  bool known, numbered = false;
  ListProblems wrong;
  std::unordered_map<std::string, bool> folders; // which there are
  size_t lastPlace = 0;                          // where the last video was found
};

} // namespace kinema
