// Machine code as a whole: its bytes, and what it asks of the machine.
#include "test/compiler/Target/CPU/CompileScheduled.h"
#include "test/compiler/Target/Common/ReferenceHarness.h"
#include "test/compiler/Target/Common/TargetUnderTest.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/ThreadPool.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

/// Nine kernels, more than one module of them, with all functions that regions may call.
static std::string manyKernels() {
  std::string text;
  for (int i = 0; i < 9; ++i) {
    std::string type = blocked({1, 8 + i, 2, 5, 7}), body = "kernel.map(pixel %o0) : (" + type + R"() {
      ^bb0(%x: f32):
        %e = math.exp %x : f32
        %t = math.tanh %e : f32
        %r = math.rsqrt %e : f32
        %s = arith.addf %t, %r : f32
        kernel.yield store %s
      } -> )" + type;
    std::string one = kernelText({type}, body, {type});
    text += one.replace(one.find("@k"), 2, "@k" + std::to_string(i));
  }
  return text;
}

static std::string codeWith(unsigned threads) {
  DialectRegistry registry;
  registerHostCode(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(threads));
  if (threads > 1)
    context.setThreadPool(pool);
  context.loadDialect<kernel::KernelDialect>();
  auto module = parseScheduled(manyKernels(), context);
  kinema::testing::setTarget(*module, kernel::TargetKind::CPU, cpu::levels[0].name);
  auto code = kinema::testing::compileForCPU(*module);
  EXPECT_TRUE(succeeded(code));
  return succeeded(code) ? *code : "";
}

TEST(Codegen, BytesDoNotDependOnThreads) {
  std::string one = codeWith(1);
  EXPECT_FALSE(one.empty());
  EXPECT_EQ(one, codeWith(2));
  EXPECT_EQ(one, codeWith(1));
}

TEST(Codegen, ExportsKernelsAndNeedsNothing) {
  std::string code = codeWith(1);
  auto object =
      llvm::cantFail(llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(code, "kernels")));
  auto &elf = llvm::cast<llvm::object::ELFObjectFileBase>(*object);
  std::vector<std::string> defined, undefined;
  for (const auto &symbol : elf.getDynamicSymbolIterators()) {
    std::string name = llvm::cantFail(symbol.getName()).str();
    bool isUndefined = llvm::cantFail(symbol.getFlags()) & llvm::object::SymbolRef::SF_Undefined;
    (isUndefined ? undefined : defined).push_back(name);
  }
  EXPECT_EQ(undefined, std::vector<std::string>());
  std::sort(defined.begin(), defined.end());
  EXPECT_EQ(defined, (std::vector<std::string>{"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8"}));
}
