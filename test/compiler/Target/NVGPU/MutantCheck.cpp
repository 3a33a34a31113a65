#include "test/compiler/Target/NVGPU/MutantCheck.h"
#include "test/compiler/Target/NVGPU/Emulator/Mutants.h"
#include "test/compiler/Target/NVGPU/ReferenceBackend.h"

#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

/// All mutations of the kernel, and what it computes without one.
static std::vector<emulator::Mutation> mutationsOf(ModuleOp kernel, const std::vector<Tensor> &operands,
                                                   std::vector<Tensor> &expected) {
  std::vector<emulator::Mutation> mutations;
  changeKernel = [&](ModuleOp module) {
    mutations = emulator::findMutations(module);
    return module.clone();
  };
  expected = ReferenceKernel(kernel).run(operands);
  changeKernel = nullptr;
  return mutations;
}

/// Returns what is found where the kernel has the mutation; it is empty where that is nothing.
static std::string complaintOf(ModuleOp kernel, const std::vector<Tensor> &operands,
                               const std::vector<Tensor> &expected, const emulator::Mutation &mutation) {
  changeKernel = [&](ModuleOp module) { return emulator::mutate(module, mutation); };
  ::testing::TestPartResultArray complaints;
  {
    ::testing::ScopedFakeTestPartResultReporter intercept(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &complaints);
    auto found = ReferenceKernel(kernel).run(operands);
    for (size_t i = 0; i < found.size(); ++i)
      expectNear(found[i], expected[i], 0.0);
  }
  changeKernel = nullptr;
  std::string text;
  for (int i = 0; i < complaints.size(); ++i)
    text += complaints.GetTestPartResult(i).message();
  return text;
}

size_t kinema::testing::expectMutantsFound(ModuleOp kernel, const std::vector<Tensor> &operands,
                                           llvm::function_ref<bool(StringRef)> concerns) {
  std::vector<Tensor> expected;
  std::vector<emulator::Mutation> mutations = mutationsOf(kernel, operands, expected);
  if (concerns)
    llvm::erase_if(mutations, [&](const emulator::Mutation &m) { return !concerns(m.description); });
  for (const emulator::Mutation &mutation : mutations)
    EXPECT_NE(complaintOf(kernel, operands, expected, mutation), "") << "not found: " << mutation.description;
  return mutations.size();
}

std::string kinema::testing::complaintOfMutant(ModuleOp kernel, const std::vector<Tensor> &operands,
                                               const std::string &description) {
  std::vector<Tensor> expected;
  for (const emulator::Mutation &mutation : mutationsOf(kernel, operands, expected))
    if (mutation.description.starts_with(description))
      return complaintOf(kernel, operands, expected, mutation);
  return "";
}
