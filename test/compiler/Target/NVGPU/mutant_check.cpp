#include "test/compiler/Target/NVGPU/mutant_check.h"
#include "test/compiler/Target/NVGPU/Emulator/Mutants.h"
#include "test/compiler/Target/NVGPU/reference_backend.h"

#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace kinema;

size_t kinema::testing::expectMutantsFound(const std::string &kernel, const std::vector<Tensor> &operands) {
  std::vector<emulator::Mutation> mutations;
  changeKernel = [&](ModuleOp module) {
    mutations = emulator::findMutations(module);
    return module.clone();
  };
  std::vector<Tensor> expected = ReferenceKernel(kernel).run(operands);
  auto check = [&] {
    auto found = ReferenceKernel(kernel).run(operands);
    for (size_t i = 0; i < found.size(); ++i)
      expectNear(found[i], expected[i], 0.0);
  };
  for (const emulator::Mutation &mutation : mutations) {
    changeKernel = [&](ModuleOp module) { return emulator::mutate(module, mutation); };
    ::testing::TestPartResultArray complaints;
    {
      ::testing::ScopedFakeTestPartResultReporter intercept(
          ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &complaints);
      check();
    }
    EXPECT_GT(complaints.size(), 0) << "not found: " << mutation.description;
  }
  changeKernel = nullptr;
  return mutations.size();
}
