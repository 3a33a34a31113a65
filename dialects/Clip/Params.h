// Finds and declares a module's parameters.
#ifndef KINEMA_DIALECTS_CLIP_PARAMS_H
#define KINEMA_DIALECTS_CLIP_PARAMS_H

#include "dialects/Clip/Clip.h"

namespace kinema::clip {

/// Returns the declaration of what `read` reads, which the verifier has made sure of.
ParamOp paramOf(ReadOp read);

/// Declares a parameter behind `after`, unless there is one of that name, and returns it. `init` may be null.
ParamOp declareParam(ParamOp after, llvm::StringRef name, mlir::RankedTensorType type, llvm::StringRef role,
                     mlir::DictionaryAttr init);

} // namespace kinema::clip

#endif
