// Declares the readers of the formats of lists, and finds out which of them a list is for.
#pragma once

#include "runtime/Data/ListBuilder.h"

#include <string>
#include <string_view>
#include <vector>

namespace kinema {

using TextLines = std::vector<std::string>;

struct ListFormat {
  std::string_view name;               // as --format takes it
  std::vector<std::string_view> names; // files beside the list that may name the classes
  VideoList (*read)(ListBuilder &, const TextLines &);
};

const std::vector<ListFormat> &formatTable();

// Returns the format of that name. Throws Error where there is none.
const ListFormat &formatNamed(std::string_view name);

// Returns the format that a list's name and content tell; `lines` are none where it is a folder. Throws Error
// where they tell none, or more than one.
const ListFormat &recognise(const std::string &file, const TextLines &lines);

// Says how a line is known to be one of a format.
bool isUcf101Line(std::string_view line);
bool isSports1mLine(std::string_view line);
bool isSomethingLine(std::string_view line);
bool isKineticsHeader(std::string_view line);
bool isHmdb51File(std::string_view name);
bool isVideoFile(std::string_view name);

VideoList readLabels(ListBuilder &list, const TextLines &lines);
VideoList readUcf101(ListBuilder &list, const TextLines &lines);
VideoList readHmdb51(ListBuilder &list, const TextLines &lines);
VideoList readKinetics(ListBuilder &list, const TextLines &lines);
VideoList readSomething(ListBuilder &list, const TextLines &lines);
VideoList readSports1m(ListBuilder &list, const TextLines &lines);
VideoList readFolders(ListBuilder &list, const TextLines &lines);

} // namespace kinema
