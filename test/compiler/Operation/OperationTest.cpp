// A pointwise operation from outside goes the whole road: from text to kernels, which are run on a CPU and in
// the emulator of GPUs and compared with the interpreter.
#include "compiler/Package/PackageBuilder.h"
#include "compiler/Pipelines/Frontend.h"
#include "compiler/Pipelines/Register.h"
#include "dsl/Operations.h"
#include "runtime/Program/Program.h"
#include "test/TemporaryFolder.h"
#include "test/compiler/ClipTesting.h"
#include "test/compiler/Export/OnnxText.h"
#include "test/compiler/Operation/Toy.h"

using namespace kinema;
using namespace kinema::testing;

namespace {

/// The activation stands after batch norms, after a join, before a global pool, in a squeeze.
constexpr char spec[] = R"(
block gate {
  mul {
    identity
    pool avg global -> squeeze: conv 1x1x1 ch=8 bn=off act=silu -> excite: conv 1x1x1 ch=in.c bn=off act=sigmoid
  }
}
network toy classes=3 {
  input rgb [3 2 6 6]
  stem: conv2d ch=16 act=silu
  residual act=none { conv1: conv3d ch=16 act=silu -> conv2: conv 1x1x1 ch=16 act=none }
  silu
  gate
  pool avg global
  fc classes
}
)";

void loadToy() {
  mlir::DialectRegistry registry;
  registerAllKinema(registry);
  registry.insert<toy::ToyDialect>();
  context().appendDialectRegistry(registry);
  context().loadAllAvailableDialects();
  if (!dsl::findOperation("silu"))
    dsl::addActivation("silu", "toy.silu");
}

/// The network in phase clip, as text.
std::string networkText() {
  test::TemporaryFolder folder;
  FrontendOptions options;
  options.batch = 2;
  Spec read;
  auto module = loadAndExpand(context(), folder.write("toy.arch", spec), options, Phase::Clip, read);
  if (!module) {
    ADD_FAILURE() << read.diagnostics.render();
    return "";
  }
  int activations = 0;
  module->walk([&](toy::SiluOp) { ++activations; });
  EXPECT_EQ(activations, 4);
  return printed(*module, /*locations=*/true);
}

class Operation : public ::testing::Test {
protected:
  void SetUp() override {
    loadToy();
    text = networkText();
  }

  CompileOptions optionsFor(llvm::StringRef target) {
    CompileOptions options;
    options.keepGradients = true;
    options.target = targetNamed(target);
    options.targetOptions.emulator = EmulatorCode::Alone;
    return options;
  }

  mlir::OwningOpRef<mlir::ModuleOp> in(Phase phase, const CompileOptions &options) {
    auto module = parse(text);
    EXPECT_EQ(advance(*module, Phase::Clip, phase, options), Outcome::Done);
    return module;
  }

  std::string package(const CompileOptions &options) {
    auto lowered = in(Phase::Target, options);
    auto code = options.target->makeCode(*lowered, options.targetOptions);
    PackageWriter writer;
    EXPECT_TRUE(mlir::succeeded(code) &&
                mlir::succeeded(addToPackage(writer, *lowered, *options.target, *code, spec)));
    std::string path = folder / "toy.kinema";
    writer.write(path);
    return path;
  }

  void expectNumbers(llvm::StringRef target, const std::string &device, double tolerance);

  test::TemporaryFolder folder;
  std::string text;
  Tensor clips = random({2, 3, 2, 6, 6}, 1), labels = Tensor({2}, {2, 0}),
         hyper = Tensor({4}, {0.1, 0, 0, 0});
};

Tensor tensorIn(Program &program, const ArenaTensor &tensor, const std::vector<int64_t> &shape) {
  std::vector<float> values = program.get(tensor);
  return Tensor(shape, std::vector<double>(values.begin(), values.end()));
}

/// Compares what an entry gives with what the interpreter does.
void Operation::expectNumbers(llvm::StringRef target, const std::string &device, double tolerance) {
  CompileOptions options = optionsFor(target);
  Program program(Package(package(options)), {1, false, device});
  const Manifest &manifest = program.manifest();
  auto step = in(Phase::Step, options);
  Interpreter interpreter(*step);
  program.initialise(7);
  for (const Parameter &parameter : manifest.parameters)
    interpreter.setParam(parameter.name, tensorIn(program, parameter, parameter.shape));
  program.set(manifest.input(), std::vector<float>(clips.values.begin(), clips.values.end()));
  program.set(*manifest.labels, std::vector<int32_t>{2, 0});
  program.setHyper({.rate = 0.1f});
  auto expect = [&](const std::string &entry, const std::vector<Tensor> &inputs) {
    program.run(entry);
    for (auto &[name, wanted] : runNamed(interpreter, *step, entry, inputs)) {
      Tensor found = tensorIn(program, manifest.output(entry, name), wanted.shape);
      EXPECT_LT(relativeError(found, wanted), tolerance) << entry << ", " << name;
    }
  };
  program.run("prepare");
  expect("infer", {clips});
  expect("train_step", {clips, labels, hyper});
}

TEST_F(Operation, FromOutsideHasKernelsOnEveryTarget) {
  for (const Target *target : targets()) {
    std::string planned = printed(*in(Phase::Planned, optionsFor(target->name)));
    EXPECT_EQ(planned.find("toy."), std::string::npos) << target->name.str();
  }
}

TEST_F(Operation, FromOutsideHasItsGradient) {
  auto step = in(Phase::Step, optionsFor("x86-64-v3"));
  auto setUp = [&](Interpreter &interpreter) { setRandomParams(interpreter, *step, 3); };
  for (const char *param : {"stem.weight", "conv1.weight", "squeeze.weight"})
    expectGradient(*step, setUp, {clips, labels, hyper}, param, 4);
}

TEST_F(Operation, FromOutsideComputesOnACPU) { expectNumbers("x86-64-v3", "cpu", 1e-5); }
TEST_F(Operation, FromOutsideComputesOnAGPU) { expectNumbers("sm_89", "emulator", 2e-2); }
TEST_F(Operation, FromOutsideComputesOnTensorCores) {
  std::string planned = printed(*in(Phase::Planned, optionsFor("sm_90a")));
  EXPECT_NE(planned.find("sm90.halo"), std::string::npos);
  expectNumbers("sm_90a", "emulator", 2e-2);
}

TEST_F(Operation, FromOutsideIsExported) {
  auto model = OnnxModel::of(*parse(text));
  ASSERT_TRUE(mlir::succeeded(model));
  EXPECT_NE(typesOf(*model).find("BatchNormalization Neg Exp Add Div Conv"), std::string::npos)
      << typesOf(*model);
}

TEST_F(Operation, FromOutsideIsNotExportedWithArithmeticThatONNXLacks) {
  std::string message, other = text;
  mlir::ScopedDiagnosticHandler listening(&context(),
                                          [&](mlir::Diagnostic &diagnostic) { message = diagnostic.str(); });
  other.replace(other.find("toy.silu"), 8, "toy.cosine");
  EXPECT_TRUE(mlir::failed(OnnxModel::of(*parse(other))));
  EXPECT_EQ(message, "ONNX has no counterpart of math.cos, which the formula has");
}

} // namespace
