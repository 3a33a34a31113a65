// Finds out which tensors of a file are which parameters of a network, as far as names and shapes tell, and
// what is to be made of a tensor whose shape is another one.
#pragma once

#include "runtime/Package/Manifest.h"
#include "runtime/Package/Names.h"
#include "runtime/Package/Safetensors.h"

#include <string>
#include <vector>

namespace kinema {

// How the window of a conv gets further frames than it has in the file.
enum class Inflation {
  None,
  Repeat, // the weights are repeated and divided by their number: a still clip gives the same sums
  Centre, // the weights are those of the frame in the middle, the others are zero
};

struct MatchOptions {
  // Whether a conv on an input of other channels takes the mean over the file's channels for each of them
  // (Wang et al., 2016: Temporal Segment Networks).
  bool crossModality = false;
  Inflation inflation = Inflation::None;
};

// A ParameterSource says where a parameter's values come from.
struct ParameterSource {
  const Parameter *parameter = nullptr;
  std::string name;                   // in the file; empty where the naming has none
  const FileTensor *tensor = nullptr; // null where there is none that fits: the parameter stays as it is
  bool crossModality = false;         // MatchOptions::crossModality has to be applied to the tensor
  Inflation inflation = Inflation::None;
  std::string why;    // what is wrong with the file's tensor or, where one was found, what is made of it
  std::string remedy; // which option or command makes it fit; empty where none does
};

// A WeightMatch points into the manifest and the file that it was made of.
struct WeightMatch {
  std::vector<ParameterSource> parameters; // in the order of the manifest
  std::vector<const FileTensor *> unused;  // those of the file that belong to no parameter

  int64_t matched() const; // how many parameters have a tensor
};

// Finds a tensor for each parameter. It fits if its shape is that of the parameter, with or without axes of
// size 1 (a conv's weight may be [O, I, H, W] in the file, and that of a fully connected layer a conv's of
// one position), or if the options say how to make it fit. `num_batches_tracked` and a checkpoint's momentum
// are passed over.
WeightMatch findWeights(const Manifest &network, const TensorFile &file, const Naming &naming,
                        const MatchOptions &options = {});

// Returns the parameter's values, row-major. The file must have been read with its elements.
std::vector<float> valuesOf(const ParameterSource &source);

// Returns a hint where the file has parameters under the names of another naming, "; it has NAME, as NAMING
// calls it ...": of those namings, the one that has most names in common with the file. Only that parameter
// counts, or any where it is empty.
std::string otherNaming(const Manifest &network, const TensorFile &file, const Naming &naming,
                        const std::string &parameter = "");

// Throws Error where no parameter has a tensor; says which naming has more of the file's names, if one has.
void requireAny(const WeightMatch &match, const Manifest &network, const TensorFile &file,
                const std::string &origin, const Naming &naming);

// Returns a table: a line for each part of the network (the names' first segment) and what happens to it.
std::string describe(const WeightMatch &match, const std::string &origin);
// Returns a line for each parameter, and for each tensor that is not used.
std::string listOf(const WeightMatch &match, const std::string &origin);

// Finds the file's tensor for each parameter, in the order of the manifest. A tensor that is missing,
// superfluous or of another shape is an Error that names it and what may help.
std::vector<const FileTensor *> matchWeights(const Manifest &network, const TensorFile &file,
                                             const std::string &origin, const Naming &naming = {});

// Returns the weights of a network under other names, with the names of their classes: tensors of
// matchWeights by `from`, called as in `to`.
TensorFile renameWeights(const Manifest &network, const TensorFile &file, const std::string &origin,
                         const Naming &from, const Naming &to);

// Returns the tensors of a file under other names, where no network is known. Throws Error for a tensor that
// one of the namings has no name for, or that may be several parameters.
TensorFile renameWeights(const TensorFile &file, const std::string &origin, const Naming &from,
                         const Naming &to);

} // namespace kinema
