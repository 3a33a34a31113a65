// The reference kernels on the CPU.
#include "test/compiler/Target/CPU/HostKernel.h"
#include "test/compiler/Target/Common/ReferenceHarness.h"

#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/Common/HostCode.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

const Machine &kinema::testing::machineUnderTest() { return cpu::levels[0].machine; }

void kinema::testing::registerUnderTest(DialectRegistry &registry) { registerHostCode(registry); }

std::unique_ptr<CompiledKernel> kinema::testing::compileUnderTest(ModuleOp scheduled) {
  return compileForHost(scheduled);
}
