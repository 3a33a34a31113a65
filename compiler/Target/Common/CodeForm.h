// Names the forms in which the code of kernels can be shown as text.
#ifndef KINEMA_COMPILER_TARGET_COMMON_CODEFORM_H
#define KINEMA_COMPILER_TARGET_COMMON_CODEFORM_H

namespace kinema {

/// LLVM IR as the code generator gets it, after the optimiser; or what that makes of it, which is a CPU's
/// assembly or a GPU's PTX.
enum class CodeForm { LLVM, Assembly };

} // namespace kinema

#endif
