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

/// Declares what updates keep about a parameter under a role such as `momentum`, zero at first, as
/// @NAME.ROLE.
ParamOp declareState(ParamOp parameter, llvm::StringRef role);

/// Returns the name of the parameter that a state is of; empty where its own name is not made of one.
llvm::StringRef parameterOfState(ParamOp state);

} // namespace kinema::clip

#endif
