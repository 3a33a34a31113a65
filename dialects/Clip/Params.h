// A module's parameters: who declares what a function reads, and new ones.
#ifndef KINEMA_DIALECTS_CLIP_PARAMS_H
#define KINEMA_DIALECTS_CLIP_PARAMS_H

#include "dialects/Clip/Clip.h"

namespace kinema::clip {

/// The declaration of what `read` reads. It exists: the verifier has looked.
ParamOp paramOf(ReadOp read);

/// Declares a parameter behind `after`, unless there is one of that name. `init` may be null.
ParamOp declareParam(ParamOp after, llvm::StringRef name, mlir::RankedTensorType type, llvm::StringRef role,
                     mlir::DictionaryAttr init);

} // namespace kinema::clip

#endif
