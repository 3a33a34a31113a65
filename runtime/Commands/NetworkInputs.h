// Reads and checks what training and evaluation give a network: its weights and its lists of videos. All
// functions throw Error.
#pragma once

#include "runtime/Commands/Commands.h"
#include "runtime/Data/NetworkClips.h"
#include "runtime/Ranks/Ranks.h"
#include "runtime/Training/NetworkWeights.h"

#include <string>
#include <vector>

namespace kinema {

// Returns how a list is to be read; `known` are names of classes that count where no file has names.
ListOptions listOptions(const ListFlags &flags, ListPart part, const Manifest &manifest, const Recipe &recipe,
                        std::vector<std::string> known = {});

VideoList readVideos(const std::string &list, const ListOptions &options, const ListFlags &flags);

// Throws Error where a folder of stored flow is named for a network that takes no flow.
void requireUseOf(const std::string &flow, const Manifest &manifest);

// Has the videos left out that have no stored flow, where the network takes its flow from a folder.
void useFlow(VideoList &list, const std::string &folder, const Manifest &manifest, const Recipe &recipe);

// Throws Error where so many videos of the list are known to be missing that the recipe does not allow it.
void checkKnownMissing(const VideoList &list, const Recipe &recipe);

// Lists what is to be said of a list: what it is, and what is odd about it.
void addNotes(const VideoList &list, std::vector<std::string> &notes);

// Returns how two lists of classes differ, or an empty string. One that is empty has numbers alone.
std::string differentClasses(const std::vector<std::string> &a, const std::vector<std::string> &b);

template <typename Options> LoaderOptions loaderOptions(const Manifest &manifest, const Options &from) {
  return loaderOptionsOf(manifest, from.loaders, from.flow);
}

// Returns the options of a loader that gives a rank its share of the batches; null: of one that gives all.
LoaderOptions shareOf(LoaderOptions options, const Ranks *ranks);

// Checks weights from a file, as far as its header tells. With `partial`, some of them are enough.
void checkWeights(const Manifest &manifest, const std::string &weights, const std::string &names,
                  bool partial = false, const MatchOptions &options = {});

// Returns the manifest by which a command is checked before the package's code is loaded.
Manifest networkOf(const Package &package);

} // namespace kinema
