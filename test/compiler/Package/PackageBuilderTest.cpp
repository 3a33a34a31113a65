// A planned module becomes a package that the runtime reads and runs.
#include "compiler/Package/PackageBuilder.h"
#include "compiler/Pipelines/Targets.h"
#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Kernel.h"
#include "runtime/Package/Manifest.h"
#include "runtime/Package/Package.h"
#include "test/TemporaryFolder.h"
#include "test/compiler/Target/CPU/CompileScheduled.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <filesystem>

using namespace mlir;
using namespace kinema;

static const char planned[] = R"(
#aBcde8b = #kernel.layout<aBcde8b>
!x = tensor<1x3x1x2x2xf32>
!y = tensor<1x3x1x2x2xf32, #aBcde8b>
module attributes {
  clip.network = {name = "tiny", batch = 1 : i64, classes = 3 : i64, digest = "0123", inputs = [{name = "rgb", every = 4 : i64}]},
  clip.recipe = {data = {frames = 1 : i64, flip = 0.5 : f64, crop = [2, 2]}, train = {nesterov = true}, eval = {}}} {
  clip.param @w : tensor<3x3x1x1x1xf32> {role = "weight", init = {kind = "he_normal", fan = "out"}, file_shape = array<i64: 3, 3>}
  clip.param @w.momentum : tensor<3x3x1x1x1xf32> {role = "momentum"}
  kernel.arena 1024 activations 128 separate 192 {
    kernel.buffer input @rgb kind "flow" at 0 : !x
    kernel.buffer parameter @w at 64 : tensor<3x3x1x1x1xf32>
    kernel.buffer state @w.momentum of @w at 128 : tensor<3x3x1x1x1xf32>
    kernel.buffer labels @labels at 192 : tensor<1xi32>
    kernel.buffer counters @counters at 320 : tensor<2xi32>
    kernel.segment activations at 512 bytes 512
  }
  kernel.def @k0 attributes {layers = ["fc", "pool"]} {
  ^bb0(%x: !x):
    %y = kernel.convert %x {schedule = #kernel.schedule<"cpu.reference", grid = 4, scratch = 0, {partials = 0}>} : !x -> !y
    kernel.return %y : !y
  }
  kernel.entry @prepare {
  }
  kernel.entry @infer {
    kernel.launch @k0 [0, 512] {reads = 48 : i64, writes = 128 : i64, macs = 0 : i64, layer = "fc"}
    kernel.output "logits" at 640 : tensor<1x3x1x1x1xf32, #aBcde8b>
    kernel.output "grad.w" of @w at 704 : tensor<3x3x1x1x1xf32>
  }
}
)";

static OwningOpRef<ModuleOp> parse(MLIRContext &context, const std::string &text) {
  context.loadDialect<kernel::KernelDialect>();
  return parseSourceString<ModuleOp>(text, &context);
}

static DialectRegistry registry() {
  DialectRegistry registry;
  registerHostCode(registry);
  return registry;
}

TEST(PackageBuilder, TheRuntimeReadsWhatItWrites) {
  MLIRContext context(registry(), MLIRContext::Threading::DISABLED);
  auto module = parse(context, planned);
  ASSERT_TRUE(module);
  const Target &cpu = *targetNamed("x86-64-v3");
  (*module)->setAttr(kernel::targetAttribute, cpu.attribute(&context));
  auto code = kinema::testing::compileForCPU(*module);
  ASSERT_TRUE(succeeded(code));
  PackageWriter package;
  ASSERT_TRUE(
      succeeded(addToPackage(package, *module, cpu, {{{"code/x86-64-v3.so", *code}}, {}}, "network tiny\n")));
  MachineCode gpu = {{{"code/a.cubin", "a"}, {"code/b.cubin", "b"}}, {{"code/a.ptx", "// code"}}};
  ASSERT_TRUE(succeeded(addToPackage(package, *module, *targetNamed("sm_90a"), gpu, {})));
  test::TemporaryFolder folder;
  std::string path = folder / "tiny.kinema";
  package.write(path);

  Package written(path);
  EXPECT_EQ(written.read("spec.arch"), "network tiny\n");
  EXPECT_EQ(written.read("code/x86-64-v3.so"), *code);
  Manifest manifest = parseManifest(written.read("manifest.json"), path);
  std::vector<Manifest> manifests = readManifests(written);
  ASSERT_EQ(manifests.size(), 2u);
  EXPECT_EQ(manifests[0].target, "x86-64-v3");
  EXPECT_EQ(manifests[1].target, "sm_90a");
  EXPECT_EQ(manifests[0].kind, TargetKind::Cpu);
  EXPECT_EQ(manifests[1].kind, TargetKind::Cuda);
  EXPECT_EQ(manifests[1].code, (std::vector<std::string>{"code/a.cubin", "code/b.cubin"}));
  EXPECT_EQ(written.read("code/b.cubin"), "b");
  EXPECT_EQ(written.read("code/a.ptx"), "// code");
  EXPECT_EQ(manifest.name, "tiny");
  EXPECT_EQ(manifest.network, "0123");
  EXPECT_FALSE(manifest.train);
  EXPECT_EQ(manifest.code, (std::vector<std::string>{"code/x86-64-v3.so"}));
  EXPECT_EQ(manifest.arenaBytes, 1024);
  ASSERT_EQ(manifest.parameters.size(), 1u);
  EXPECT_EQ(manifest.parameters[0].fileShape, (std::vector<int64_t>{3, 3}));
  EXPECT_TRUE(manifest.parameters[0].init.fanOut);
  EXPECT_EQ(manifest.parameters[0].states.at("momentum"), 128);
  EXPECT_EQ(manifest.segments.at(0).name, "activations");
  EXPECT_EQ(manifest.segments.at(0).offset, 512);
  EXPECT_EQ(manifest.input().kind, "flow");
  EXPECT_EQ(manifest.input().every, 4);
  EXPECT_EQ(manifest.labels->offset, 192);
  EXPECT_EQ(manifest.counters->offset, 320);
  const ArenaTensor &logits = manifest.output("infer", "logits"),
                    &gradient = manifest.output("infer", "grad.w");
  EXPECT_EQ(logits.shape, (std::vector<int64_t>{1, 3})); // without the sizes of 1 that mean nothing
  EXPECT_EQ(logits.order.size(), 3u);
  EXPECT_EQ(logits.bytes, 32);
  EXPECT_EQ(gradient.shape, (std::vector<int64_t>{3, 3, 1, 1, 1}));
  EXPECT_EQ(gradient.fileShape, (std::vector<int64_t>{3, 3}));
  const Kernel &kernel = manifest.kernels.at("k0");
  EXPECT_EQ(kernel.op, "convert");
  EXPECT_EQ(kernel.scratch, 0);
  EXPECT_EQ(kernel.grid, 4);
  EXPECT_EQ(kernel.buffers.size(), 2u);
  EXPECT_EQ(kernel.layers, (std::vector<std::string>{"fc", "pool"}));
  ASSERT_EQ(manifest.entries.at("infer").size(), 1u);
  const Launch &launch = manifest.entries.at("infer")[0];
  EXPECT_EQ(launch.args, (std::vector<int64_t>{0, 512}));
  EXPECT_EQ(manifest.recipe.data.frames, 1);
  std::filesystem::remove(path);
}

TEST(PackageBuilder, SaysWhatIsMissing) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { message = diagnostic.str(); });
  auto message_of = [&](const std::string &text) {
    message.clear();
    auto module = parse(context, text);
    EXPECT_TRUE(failed(buildManifest(*module, *targetNamed("x86-64-v3"), {{{"code/x86-64-v3.so", ""}}, {}})));
    return message;
  };
  EXPECT_EQ(message_of("module {}"), "the module has no clip.network, which a package needs");
  const std::string network = "clip.network = {name = \"tiny\", batch = 2, classes = 3}";
  EXPECT_EQ(message_of("module attributes {" + network + "} {}"),
            "the module has no kernel.arena, which says what lies where in memory");
  const std::string arena = "kernel.arena 0 activations 0 separate 0 {}";
  EXPECT_EQ(message_of("module attributes {" + network + "} { " + arena + " " + arena + " }"),
            "'kernel.arena' op is the second one of the module");
  EXPECT_EQ(message_of("module attributes {" + network + "} { " + arena + " }"),
            "the module has no clip.recipe, which a package needs");
  EXPECT_EQ(message_of("module attributes {" + network + ", clip.recipe = {train = {momentum = 1.0}}} { " +
                       arena + " }"),
            "the module's clip.recipe would be refused: train.momentum must be at least 0 and "
            "below 1, found 1");
  EXPECT_EQ(message_of("module attributes {clip.network = {name = f32}} {}"),
            "the module has a clip.network that JSON cannot say: {name = f32}");
  for (const char *wrong :
       {"{}", "{name = \"tiny\", batch = 0, classes = 3}", "{name = \"tiny\", batch = 2, classes = \"3\"}",
        "{name = 1, batch = 2, classes = 3}"})
    EXPECT_EQ(message_of(std::string("module attributes {clip.network = ") + wrong + "} {}"),
              "the module's clip.network needs a name and a digest, which are strings, and batch and "
              "classes, which are integers from 1");
}

TEST(PackageBuilder, TheRuntimeKnowsWhatAStepIsTold) {
  for (unsigned i = 0; i <= clip::getMaxEnumValForHyperField(); ++i) {
    std::string name = clip::stringifyHyperField(*clip::symbolizeHyperField(i)).str();
    EXPECT_TRUE(llvm::any_of(hyperFields, [&](const HyperField &field) { return field.name == name; }))
        << name;
  }
}
