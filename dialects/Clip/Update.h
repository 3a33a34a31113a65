// Says what an update of a parameter reads and makes: see `clip.update`. Clip.h includes it behind the
// enumerations that it needs.
#ifndef KINEMA_DIALECTS_CLIP_UPDATE_H
#define KINEMA_DIALECTS_CLIP_UPDATE_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace kinema::clip {

/// Describes an update by its rule and by what is done beside the rule.
struct UpdateForm {
  UpdateRule rule = UpdateRule::Sgd;
  bool clipped = false;  // it has a `max_norm`
  bool averaged = false; // it keeps an average of the weight
  bool held = false;     // it may be told to leave all as it is
  bool checked = false;  // it leaves all as it is where the norm of all gradients is not finite

  /// Returns whether it has what `checked` needs: a norm of all gradients, and a way to leave all as it is.
  bool isComplete() const { return !checked || (clipped && held); }

  /// Returns the states that it keeps about a parameter, in order, by the roles of their `clip.param`s.
  llvm::SmallVector<llvm::StringRef> states() const;
  /// Counts the norms that it reads of each parameter's own tensors: of the weight and of the gradient, or
  /// none.
  unsigned norms() const { return rule == UpdateRule::Lars ? 2 : 0; }
  /// Returns the fields of `%hyper` that it reads.
  llvm::SmallVector<HyperField> fields() const;
};

} // namespace kinema::clip

#endif
