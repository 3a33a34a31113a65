// Checks that the tests of a kernel find every single mistake in it.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_MUTANT_CHECK_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_MUTANT_CHECK_H

#include "test/compiler/Target/Common/ReferenceHarness.h"

namespace kinema::testing {

/// Every mutant of the scheduled kernel must be found: by a violation, or by a result that differs from the
/// kernel's as it is, which other tests compare with the reference. Returns how many there are. With
/// `concerns`, only those whose descriptions it takes are looked at; the test says why others are not
/// mistakes.
size_t expectMutantsFound(mlir::ModuleOp kernel, const std::vector<Tensor> &operands,
                          llvm::function_ref<bool(llvm::StringRef description)> concerns = {});

/// Returns what is said of the first mutant whose description begins like this; empty where there is none.
std::string complaintOfMutant(mlir::ModuleOp kernel, const std::vector<Tensor> &operands,
                              const std::string &description);

} // namespace kinema::testing

#endif
