// Assembles every kernel of every network, in training and inference, and fails on spills, stack frames,
// warnings and kernels that cannot be launched. Where nvdisasm is there too, it compares what the machine
// code does, by kind of kernel, with a file of what is known of it. A kernel is assembled again when what
// LLVM gets of it, what makes PTX of that, or ptxas has changed; a run in which nothing has changed since a
// good one does nothing.
//
// usage: nvgpu-ptxas-test MODELS CACHE KINDS [--networks NAME,...] [--processor NAME]
//        [--one-of-each] [--update]
// --one-of-each takes one kernel of each kind and tile; --update writes what is found to the file KINDS
// exit status 77: there is no ptxas
#include "test/compiler/Target/Common/TargetUnderTest.h"
#include "test/compiler/Target/NVGPU/MachineCodeKinds.h"
#include "test/compiler/Target/NVGPU/NetworkKernels.h"
#include "test/compiler/Target/NVGPU/OneKernel.h"
#include "test/compiler/Target/NVGPU/PTXChecks.h"

#include "compiler/Support/Tool.h"
#include "compiler/Target/NVGPU/Assembler.h"
#include "compiler/Target/NVGPU/LowerKernels.h"
#include "compiler/Target/NVGPU/PTX.h"
#include "dialects/Kernel/Kernel.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/xxhash.h"

#include <filesystem>
#include <fmt/format.h>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;
using kernel::Precision;
using nlohmann::json;

namespace {

/// A Verdict is what ptxas says about one kernel, and what its machine code does.
struct Verdict {
  nvidia::Resources resources;
  std::vector<std::string> warnings;
  KernelCounts counts;
};

void to_json(json &j, const Verdict &v) {
  j = {v.resources.registers,
       v.resources.spillBytes,
       v.resources.stackBytes,
       v.resources.sharedBytes,
       v.warnings,
       v.counts};
}
void from_json(const json &j, Verdict &v) {
  v.resources = {j[0], j[1], j[2], j[3]};
  v.warnings = j[4];
  v.counts = j[5];
}

/// The programs of a CUDA toolkit.
struct Tools {
  std::string ptxas;
  std::optional<std::string> nvdisasm;
  std::string hash; // of all that makes and judges machine code
};

/// A kernel as LLVM gets it.
struct Lowered {
  OwningOpRef<ModuleOp> module;
  std::string kind; // "conv forward sm90.halo"
  std::string name; // the hash of all that its machine code depends on
  int64_t threads = 0, dynamicShared = 0;
  std::string error;
};

/// A kernel that ptxas is given, and what is wrong with it though ptxas takes it.
struct Assembled {
  std::string name, ptx, fault;
};

std::string hashOf(StringRef text) { return fmt::format("k{:016x}", llvm::xxh3_64bits(text)); }

/// Returns what LLVM gets of a kernel.
gpu::GPUModuleOp partOf(ModuleOp lowered) { return *lowered.getOps<gpu::GPUModuleOp>().begin(); }

std::string operationAndSchedule(Operation *kernel) {
  std::string kind = kernel->getName().stripDialect().str();
  if (auto conv = dyn_cast<kernel::ConvOp>(kernel))
    kind += " " + kernel::stringifyDirection(conv.getDirection()).str();
  return kind + " " + kernel::scheduleOf(kernel).getName().str();
}

Lowered lower(const NetworkKernel &kernel, const std::string &tools) {
  MLIRContext &context = contextOfThread();
  Lowered result;
  ScopedDiagnosticHandler handler(&context,
                                  [&](Diagnostic &diagnostic) { result.error += diagnostic.str(); });
  result.module = parseSourceString<ModuleOp>(kernel.text, &context);
  if (!result.module)
    return result;
  result.kind = operationAndSchedule(defOf(*result.module).getKernel());
  auto schedule = kernel::scheduleOf(defOf(*result.module).getKernel());
  result.threads = *schedule.getThreads();
  result.dynamicShared = schedule.getScratch();
  PassManager passes(&context);
  nvidia::buildLoweringPipeline(passes);
  if (failed(passes.run(*result.module)))
    return result;
  std::string text = tools;
  if (StringRef name = nvidia::processorOf(*result.module)->name; name != hopper)
    text += name;
  llvm::raw_string_ostream stream(text);
  partOf(*result.module)->print(stream, OpPrintingFlags().useLocalScope());
  result.name = hashOf(text);
  return result;
}

/// Returns the kernel's PTX under the kernel's own name, which its part gets too.
Assembled generate(Lowered &kernel, std::string &error) {
  ScopedDiagnosticHandler handler(kernel.module->getContext(),
                                  [&](Diagnostic &diagnostic) { error += diagnostic.str(); });
  kernel.module->walk([&](LLVM::LLVMFuncOp function) {
    if (function.getSymName() == "k")
      function.setSymName(kernel.name);
  });
  PassManager passes(kernel.module->getContext());
  nvidia::addInlineAssembly(passes);
  if (failed(passes.run(*kernel.module)))
    return {kernel.name, "", ""};
  gpu::GPUModuleOp part = partOf(*kernel.module);
  part.setName(kernel.name);
  auto text = nvidia::generatePTX(part, *nvidia::processorOf(part));
  if (failed(text))
    return {kernel.name, "", ""};
  std::string fault = faultOfPTX(*text);
  return {kernel.name, std::move(*text), fault};
}

/// Adds what the machine code of a cubin does to the verdicts.
void disassemble(const std::string &nvdisasm, StringRef cubin, std::map<std::string, Verdict> &verdicts,
                 std::string &error) {
  ToolFolder folder;
  std::string file = folder.file("kernels.cubin");
  if (!writeWhole(file, cubin)) {
    error += "cannot write " + file;
    return;
  }
  ToolRun run = runTool(folder, {nvdisasm, "-c", file});
  if (!run.good) {
    error += run.messages;
    return;
  }
  for (auto &[name, counts] : readSass(run.messages))
    if (auto verdict = verdicts.find(name); verdict != verdicts.end())
      verdict->second.counts = std::move(counts);
}

/// Returns what ptxas says about each kernel of one run, by name.
std::map<std::string, Verdict> assemble(const Tools &tools, const nvidia::Processor &processor,
                                        ArrayRef<Assembled> batch, std::string &error) {
  std::vector<std::string> texts;
  for (const Assembled &kernel : batch)
    texts.push_back(kernel.ptx);
  nvidia::Assembly assembly = nvidia::assemble(tools.ptxas, nvidia::joinPTX(texts), processor);
  error = assembly.error;
  std::map<std::string, Verdict> verdicts;
  for (auto &[name, resources] : assembly.kernels)
    verdicts[name].resources = resources;
  for (const Assembled &kernel : batch)
    if (auto verdict = verdicts.find(kernel.name); verdict != verdicts.end() && !kernel.fault.empty())
      verdict->second.warnings.push_back(kernel.fault);
  for (const std::string &warning : assembly.warnings) {
    auto named = llvm::find_if(
        verdicts, [&](auto &verdict) { return warning.find(verdict.first) != std::string::npos; });
    // A warning that names no kernel is everybody's.
    for (auto &[name, verdict] : verdicts)
      if (named == verdicts.end() || name == named->first)
        verdict.warnings.push_back(warning);
  }
  if (tools.nvdisasm && error.empty())
    disassemble(*tools.nvdisasm, assembly.cubin, verdicts, error);
  return verdicts;
}

/// Waits and arrivals that ptxas adds around products, since their registers are written at the wrong time:
/// right, but slower than meant. Counted.
bool isAdvice(StringRef warning) { return warning.contains("(C7517)") || warning.contains("(C7519)"); }

/// A Kernel is what is left of one when its verdict is known.
struct Kernel {
  std::string name, kind, error;
  int64_t threads = 0, dynamicShared = 0;
};

/// Why a kernel will not do; nothing where it will.
std::string complaint(const nvidia::Processor &processor, const Kernel &kernel, const Verdict &verdict) {
  const nvidia::Resources &r = verdict.resources;
  std::string text;
  if (r.spillBytes || r.stackBytes)
    text += fmt::format("{} bytes spilled, {} bytes of stack; ", r.spillBytes, r.stackBytes);
  if (r.registers == 0 || nvidia::occupancy(r, kernel.threads, kernel.dynamicShared, processor) == 0)
    text +=
        fmt::format("does not fit a multiprocessor: {} registers for {} threads, {} bytes of shared memory; ",
                    r.registers, kernel.threads, r.sharedBytes + kernel.dynamicShared);
  if (verdict.counts.early > 0)
    text += fmt::format("{} instructions read sums before their products have ended; ", verdict.counts.early);
  for (const std::string &warning : verdict.warnings)
    // The kernel's name is left out, since it changes with everything that makes the kernel.
    if (!isAdvice(warning))
      text += StringRef(warning).split(" in the function '").first.str() + "; ";
  return text;
}

json readCache(const std::string &path) {
  auto text = readWhole(path);
  json cache = text ? json::parse(*text, nullptr, /*allow_exceptions=*/false) : json();
  return cache.is_object() ? cache : json::object();
}

/// Training and inference of every network, as large as it is written; two of them also in f32, whose kernels
/// all have the reference lowering, by terms and in f16.
std::vector<NetworkPlan> plansOf(const std::string &models, const std::string &networks,
                                 const nvidia::Processor &processor) {
  std::vector<NetworkPlan> plans;
  for (const std::string &path : networksOf(models, networks)) {
    std::string network = networkName(path, models);
    bool inF32 = network == "r2plus1d_18" || network == "ip_csn_50";
    std::vector<Precision> precisions = {Precision::BF16};
    if (inF32)
      precisions.insert(precisions.end(), {Precision::FP32, Precision::BF16x3, Precision::FP16});
    for (Precision precision : precisions)
      for (bool train : {true, false})
        plans.push_back({fmt::format("{} {} {}", network, kernel::stringifyPrecision(precision).str(),
                                     train ? "training" : "inference"),
                         path,
                         {FrontendOptions()},
                         precision,
                         train,
                         processor.name.str()});
  }
  return plans;
}

/// Lowers the kernels and has those assembled that the cache does not know.
class Judge {
public:
  Judge(const Tools &tools, const nvidia::Processor &processor, json &cache, const std::string &cachePath)
      : tools(tools), processor(processor), cache(cache), cachePath(cachePath) {}

  std::vector<Kernel> judge(const std::vector<NetworkKernel> &kernels) {
    constexpr size_t together = 8;
    std::vector<Kernel> judged(kernels.size());
    inParallel(llvm::divideCeil(kernels.size(), together), [&](size_t i) {
      auto batch = ArrayRef(kernels).drop_front(i * together).take_front(together);
      judgeBatch(batch, MutableArrayRef(judged).slice(i * together, batch.size()));
    });
    return judged;
  }

private:
  void judgeBatch(ArrayRef<NetworkKernel> batch, MutableArrayRef<Kernel> judged) {
    std::vector<Assembled> unknown;
    for (auto [network, kernel] : llvm::zip_equal(batch, judged)) {
      Lowered lowered = lower(network, tools.hash);
      kernel = {lowered.name, lowered.kind, lowered.error, lowered.threads, lowered.dynamicShared};
      if (kernel.error.empty() && isNew(kernel.name))
        unknown.push_back(generate(lowered, kernel.error));
    }
    if (unknown.empty())
      return;
    std::string error;
    auto verdicts = assemble(tools, processor, unknown, error);
    std::lock_guard lock(mutex);
    for (Kernel &kernel : judged)
      kernel.error += error;
    for (const auto &[name, verdict] : verdicts)
      cache[name] = verdict;
    writeWhole(cachePath, cache.dump()); // a run that is stopped is not lost
  }

  bool isNew(const std::string &name) {
    std::lock_guard lock(mutex);
    return !cache.contains(name) && taken.insert(name).second;
  }

  const Tools &tools;
  const nvidia::Processor &processor;
  json &cache;
  const std::string &cachePath;
  std::mutex mutex;
  std::set<std::string> taken;
};

/// All that the outcome of a run depends on.
std::string stampOf(const std::string &program, const std::string &models, const std::string &tools) {
  std::vector<std::string> paths;
  for (const auto &entry : std::filesystem::recursive_directory_iterator(models))
    if (entry.is_regular_file())
      paths.push_back(entry.path());
  llvm::sort(paths);
  std::string text = tools + hashOf(readWhole(program).value_or(""));
  for (const std::string &path : paths)
    text += path + hashOf(readWhole(path).value_or(""));
  return hashOf(text);
}

std::string placeOf(const NetworkPlan &plan, const NetworkKernel &kernel) {
  return fmt::format("{}, layer {} ({})", plan.network, kernel.layer, kernel.operation);
}

/// Takes out what the file lists by hand, under this name, as known faults that wait to be mended, and tells
/// of them. A run fails where one of its own is there no more.
std::vector<std::string> withoutKnown(std::vector<std::string> wrong, const json &file,
                                      const std::string &name) {
  auto known = file.value("known faults", json::object()).value(name, std::vector<std::string>());
  for (const std::string &fault : known) {
    auto found = llvm::find(wrong, fault);
    if (found != wrong.end()) {
      fmt::print("known: {}\n", fault);
      wrong.erase(found);
    } else {
      wrong.push_back(fmt::format("{}: this known fault is mended, take it out of the list", fault));
    }
  }
  return wrong;
}

/// Everything that is wrong, a line each; tells what ptxas advises.
std::vector<std::string> report(const std::vector<NetworkPlan> &plans, const nvidia::Processor &processor,
                                const std::vector<NetworkKernel> &kernels, const std::vector<Kernel> &judged,
                                const json &cache) {
  std::vector<std::string> wrong;
  std::map<std::string, int> advised;
  for (size_t i = 0; i < kernels.size(); ++i) {
    const NetworkPlan &plan = plans[kernels[i].plan];
    auto verdict = cache.value(judged[i].name, Verdict());
    advised[plan.network] += llvm::any_of(verdict.warnings, isAdvice);
    std::string why = judged[i].error + complaint(processor, judged[i], verdict);
    if (!why.empty())
      wrong.push_back(fmt::format("{}: {}", placeOf(plan, kernels[i]), why));
  }
  for (auto &[network, count] : advised)
    if (count)
      fmt::print("{}: ptxas adds waits around the products of {} kernels\n", network, count);
  return wrong;
}

/// Compares what the kernels' machine code does with what the file knows under this name, or updates that.
std::vector<std::string> compareKinds(const std::string &path, const std::string &name, bool update,
                                      const std::vector<Kernel> &judged, const json &cache) {
  Kinds found;
  for (const Kernel &kernel : judged)
    if (kernel.error.empty())
      found[kernel.kind].add(cache.value(kernel.name, Verdict()).counts);
  json file = readCache(path);
  if (update) {
    file[name] = found;
    writeWhole(path, file.dump(2) + "\n");
    return {};
  }
  auto lines = differences(file.value(name, Kinds()), found);
  if (!lines.empty())
    lines.push_back("the machine code is not as " + path +
                    " knows it: mend what became slower, and write what is meant with --update");
  return lines;
}

/// Says which release a tool is of: "13.0".
std::string releaseOf(const std::string &tool) {
  ToolFolder folder;
  std::string text = runTool(folder, {tool, "--version"}).messages;
  return StringRef(text).split("release ").second.split(',').first.str();
}

std::optional<Tools> findTools() {
  auto ptxas = kinema::findTool("ptxas", "");
  if (!ptxas)
    return std::nullopt;
  Tools tools{*ptxas, kinema::findTool("nvdisasm", ""), ""};
  tools.hash = KINEMA_PTX_SOURCES LLVM_VERSION_STRING + hashOf(*readWhole(*ptxas));
  if (tools.nvdisasm)
    tools.hash += hashOf(*readWhole(*tools.nvdisasm));
  return tools;
}

} // namespace

int main(int argc, char **argv) {
  std::string models = argv[1], cachePath = argv[2], kinds = argv[3],
              networks = valueOf("--networks", argc, argv);
  auto given = [&](StringRef option) {
    return llvm::is_contained(ArrayRef(argv, argc).drop_front(), option);
  };
  bool update = given("--update"), eachOnce = given("--one-of-each");
  std::string processorName = valueOf("--processor", argc, argv);
  const nvidia::Processor *processor =
      nvidia::processorNamed(processorName.empty() ? hopper : processorName.c_str());
  if (!processor) {
    fmt::print("no processor is called {}\n", processorName);
    return 1;
  }
  std::string name = networks.empty() ? "all" : networks; // of what the files know
  if (eachOnce)
    name += ", one of each";
  if (!processorName.empty())
    name = processorName + " " + name;
  auto tools = findTools();
  if (!tools) {
    fmt::print("skipped: there is no ptxas\n");
    return 77;
  }
  json cache = readCache(cachePath);
  std::string stamp = stampOf(argv[0], models, tools->hash + hashOf(readWhole(kinds).value_or(""))),
              good = "good " + name;
  if (!update && cache.value(good, "") == stamp) {
    fmt::print("nothing has changed since all was good\n");
    return 0;
  }
  std::vector<std::string> wrong;
  std::vector<NetworkPlan> plans = plansOf(models, networks, *processor);
  std::vector<NetworkKernel> kernels = kernelsOf(plans, wrong);
  fmt::print("{} plans, {} different kernels\n", plans.size(), kernels.size());
  if (eachOnce) {
    kernels = oneOfEach(kernels, tiledKindOf);
    fmt::print("{} kinds and tiles\n", kernels.size());
  }
  std::fflush(stdout);
  size_t before = cache.size();
  std::vector<Kernel> judged = Judge(*tools, *processor, cache, cachePath).judge(kernels);
  fmt::print("{} kernels assembled now\n", cache.size() - before);
  llvm::append_range(wrong, report(plans, *processor, kernels, judged, cache));
  constexpr char knownRelease[] = "13.0"; // the release of ptxas whose code the file describes
  if (!tools->nvdisasm)
    fmt::print("the machine code was not read: there is no nvdisasm\n");
  else if (releaseOf(tools->ptxas) != knownRelease)
    fmt::print("the machine code was not compared: ptxas is of another release than {}\n", knownRelease);
  else
    llvm::append_range(wrong, compareKinds(kinds, name, update, judged, cache));
  wrong = withoutKnown(std::move(wrong), readCache(kinds), name);
  for (const std::string &line : wrong)
    fmt::print("{}\n", line);
  if (!wrong.empty() || kernels.empty())
    return 1;
  cache[good] = stamp;
  writeWhole(cachePath, cache.dump());
  return 0;
}
