#include "test/compiler/Target/NVGPU/NetworkKernels.h"
#include "test/compiler/Target/NVGPU/OneKernel.h"

#include "compiler/Pipelines/Register.h"
#include "compiler/Target/NVGPU/Processor.h"
#include "compiler/Transforms/ClipFunctions.h"
#include "dialects/Kernel/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/DebugStringHelper.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

void kinema::testing::inParallel(size_t count, const std::function<void(size_t)> &body) {
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i = next++; i < count; i = next++)
      body(i);
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::thread::hardware_concurrency(); ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
}

std::string kinema::testing::networkName(const std::string &path, const std::string &folder) {
  return std::filesystem::relative(path, folder).replace_extension();
}

std::vector<std::string> kinema::testing::networksOf(const std::string &folder, llvm::StringRef wanted) {
  llvm::SmallVector<llvm::StringRef> names;
  wanted.split(names, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  std::vector<std::string> paths;
  for (const std::string &place : {folder, folder + "/torchvision"})
    for (const auto &entry : std::filesystem::directory_iterator(place))
      if (entry.path().extension() == ".arch" &&
          (names.empty() || llvm::is_contained(names, networkName(entry.path(), folder))))
        paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string kinema::testing::valueOf(llvm::StringRef option, int argc, char **argv) {
  for (int i = 1; i + 1 < argc; ++i)
    if (option == argv[i])
      return argv[i + 1];
  return "";
}

MLIRContext &kinema::testing::contextOfThread() {
  static thread_local auto context = [] {
    DialectRegistry registry;
    registerAllKinema(registry);
    auto made = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    made->loadAllAvailableDialects();
    return made;
  }();
  return *context;
}

static std::string textOf(kernel::DefOp def, const std::string &processor) {
  OpBuilder builder(def.getContext());
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(def.getContext()));
  setTarget(*module, kernel::TargetKind::CUDA, processor);
  builder.setInsertionPointToStart(module->getBody());
  auto copy = cast<kernel::DefOp>(builder.clone(*def));
  copy.setSymName("k");
  copy.setLayersAttr(builder.getArrayAttr({}));
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().useLocalScope());
  return text;
}

static std::vector<NetworkKernel> kernelsOf(ModuleOp planned, const std::string &processor) {
  llvm::StringMap<int64_t> work;
  planned.walk([&](kernel::LaunchOp launch) {
    work[launch.getKernel()] = launch.getMacs() + launch.getReads() + launch.getWrites();
  });
  std::vector<NetworkKernel> kernels;
  for (auto def : planned.getOps<kernel::DefOp>())
    kernels.push_back({.layer = cast<StringAttr>(def.getLayers()[0]).str(),
                       .work = work.lookup(def.getSymName()),
                       .operation = def.getKernel()->getName().stripDialect().str(),
                       .text = textOf(def, processor)});
  return kernels;
}

/// Networks that give probabilities are looked at as they infer: what trains them is that of their streams.
static bool givesScores(ModuleOp module) {
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  return !softmaxBehind(forward.front().getTerminator()->getOperand(0));
}

static std::vector<NetworkKernel> kernelsOf(const NetworkPlan &plan, std::string &errors) {
  CompileOptions options;
  options.train = plan.train;
  options.target = targetNamed(plan.processor);
  options.precision = plan.precision;
  for (const FrontendOptions &sizes : plan.sizes) {
    std::string messages;
    llvm::raw_string_ostream stream(messages);
    Compilation compilation(options, sizes, /*threads=*/1, stream);
    if (compilation.fromSpec(plan.path, Phase::Clip) == Outcome::Done &&
        (!plan.train || givesScores(compilation.module()))) {
      if (compilation.proceedTo(Phase::Planned) == Outcome::Done) {
        errors.clear();
        return kernelsOf(compilation.module(), plan.processor);
      }
    } else if (messages.empty())
      return {};
    errors = plan.network + ": " + messages;
  }
  return {};
}

std::vector<NetworkKernel> kinema::testing::kernelsOf(const std::vector<NetworkPlan> &plans,
                                                      std::vector<std::string> &errors) {
  std::vector<std::vector<NetworkKernel>> found(plans.size());
  std::vector<std::string> messages(plans.size());
  inParallel(plans.size(), [&](size_t i) { found[i] = ::kernelsOf(plans[i], messages[i]); });
  std::vector<NetworkKernel> kernels;
  std::set<std::string> texts;
  for (size_t i = 0; i < plans.size(); ++i) {
    if (!messages[i].empty())
      errors.push_back(messages[i]);
    for (NetworkKernel &kernel : found[i])
      if (texts.insert(kernel.text).second) {
        kernel.plan = i;
        kernels.push_back(std::move(kernel));
      }
  }
  return kernels;
}

/// Returns the text of a kernel without what makes no difference to its code but numbers, behind what
/// `describe` says of its schedule.
static std::string kindOf(const std::string &text,
                          llvm::function_ref<std::string(kernel::ScheduleAttr)> describe) {
  constexpr int64_t block = 8;
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](RankedTensorType type) {
    SmallVector<int64_t> shape(type.getRank(), block);
    if (shape.size() > 1 && !type.isDynamicDim(1) && type.getDimSize(1) % block != 0)
      shape[1] = 1;
    return RankedTensorType::get(shape, type.getElementType(), type.getEncoding());
  });
  replacer.addReplacement([&](kernel::PieceAttr piece) {
    // This says whether it begins and ends with a block.
    auto kind = [&](int64_t number) { return number == 0 ? 0 : number % block == 0 ? block : 1; };
    return kernel::PieceAttr::get(piece.getContext(), piece.getInput(), kind(piece.getFrom()),
                                  kind(piece.getTo()), kind(piece.getCount()), piece.getFrames());
  });
  auto module = parseSourceString<ModuleOp>(text, &contextOfThread());
  replacer.recursivelyReplaceElementsIn(*module, /*replaceAttrs=*/true, /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
  module->walk([](arith::ConstantOp op) { op.setValueAttr(Builder(op).getZeroAttr(op.getType())); });
  module->walk([](kernel::DropoutOp op) { op.setStream(0); });
  auto op = cast<kernel::LaunchableOp>(defOf(*module).getKernel());
  std::string schedule = describe(kernel::scheduleOf(op));
  op.setScheduleAttr({});
  return schedule + debugString(*module);
}

std::string kinema::testing::kindOf(const NetworkKernel &kernel) {
  return ::kindOf(kernel.text, [](kernel::ScheduleAttr schedule) { return schedule.getName().str(); });
}

std::string kinema::testing::tiledKindOf(const NetworkKernel &kernel) {
  return ::kindOf(kernel.text, [](kernel::ScheduleAttr schedule) {
    std::string text = schedule.getName().str();
    for (auto &[parameter, value] : schedule.getNumbers())
      if (parameter != kernel::ScheduleAttr::partialsName)
        text += " " + parameter + "=" + std::to_string(value);
    return text;
  });
}

std::vector<NetworkKernel>
kinema::testing::oneOfEach(const std::vector<NetworkKernel> &kernels,
                           llvm::function_ref<std::string(const NetworkKernel &)> kind) {
  std::vector<std::string> kinds(kernels.size());
  inParallel(kernels.size(), [&](size_t i) { kinds[i] = kind(kernels[i]); });
  std::map<std::string, const NetworkKernel *> least;
  for (size_t i = 0; i < kernels.size(); ++i) {
    auto [known, isNew] = least.try_emplace(std::move(kinds[i]), &kernels[i]);
    if (!isNew && kernels[i].work < known->second->work)
      known->second = &kernels[i];
  }
  std::vector<NetworkKernel> chosen;
  for (const NetworkKernel *kept : llvm::make_second_range(least))
    chosen.push_back(*kept);
  return chosen;
}
