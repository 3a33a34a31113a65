// Assembles every kernel of every network, in training and inference, and fails on spills, stack frames,
// warnings and kernels that cannot be launched. Equal kernels are assembled once, and not again while their
// PTX and ptxas stay as they are.
//
// usage: nvgpu-ptxas-test MODELS CACHE [NETWORK]      exit status 77: there is no ptxas
#include "test/compiler/Target/NVGPU/NetworkKernels.h"

#include "compiler/Pipelines/Register.h"
#include "compiler/Target/Common/Tool.h"
#include "compiler/Target/NVGPU/Assembler.h"
#include "compiler/Target/NVGPU/LowerKernels.h"
#include "compiler/Target/NVGPU/PTX.h"
#include "dialects/Kernel/Kernel.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/xxhash.h"

#include <filesystem>
#include <fmt/format.h>
#include <mutex>
#include <nlohmann/json.hpp>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;
using nlohmann::json;

namespace {

/// What ptxas says about one kernel.
struct Verdict {
  nvidia::Resources resources;
  std::vector<std::string> warnings;
};

void to_json(json &j, const Verdict &v) {
  j = {v.resources.registers, v.resources.spillBytes, v.resources.stackBytes, v.resources.sharedBytes,
       v.warnings};
}
void from_json(const json &j, Verdict &v) {
  v.resources = {j[0], j[1], j[2], j[3]};
  v.warnings = j[4];
}

struct Assembled {
  std::string name, ptx;
  std::string key; // of the PTX
  int64_t threads = 0, dynamicShared = 0;
  std::string error;
};

std::string hashOf(StringRef text) { return fmt::format("k{:016x}", llvm::xxh3_64bits(text)); }

void replaceAll(std::string &text, StringRef from, StringRef to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

/// The kernel's PTX, under a name that is its own: the hash of what it does.
Assembled generate(const NetworkKernel &kernel) {
  static thread_local auto context = [] {
    DialectRegistry registry;
    registerAllKinema(registry);
    auto made = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    made->loadAllAvailableDialects();
    return made;
  }();
  Assembled result;
  ScopedDiagnosticHandler handler(context.get(),
                                  [&](Diagnostic &diagnostic) { result.error += diagnostic.str(); });
  auto module = parseSourceString<ModuleOp>(kernel.text, context.get());
  if (!module)
    return result;
  auto def = *module->getOps<kernel::DefOp>().begin();
  auto schedule = def.getKernel()->getAttrOfType<kernel::ScheduleAttr>("schedule");
  result.threads = schedule.getInt("threads");
  result.dynamicShared = schedule.getScratch();
  result.name = hashOf(kernel.text);
  def.setSymName(result.name);
  PassManager passes(context.get());
  nvidia::buildLoweringPipeline(passes);
  if (failed(passes.run(*module)))
    return result;
  auto parts = nvidia::generatePTX(*module);
  if (failed(parts))
    return result;
  result.ptx = std::move(parts->front());
  replaceAll(result.ptx, "part0_", result.name + "_");
  result.key = hashOf(result.ptx);
  return result;
}

/// What ptxas says about each kernel of one run, by name.
std::map<std::string, Verdict> assemble(StringRef ptxas, ArrayRef<const Assembled *> batch,
                                        std::string &error) {
  std::vector<std::string> texts;
  for (const Assembled *kernel : batch)
    texts.push_back(kernel->ptx);
  nvidia::Assembly assembly = nvidia::assemble(ptxas, nvidia::joinPTX(texts), nvidia::hopper, /*threads=*/1);
  error = assembly.error;
  std::map<std::string, Verdict> verdicts;
  for (auto &[name, resources] : assembly.kernels)
    verdicts[name].resources = resources;
  for (const std::string &warning : assembly.warnings) {
    auto named = llvm::find_if(
        verdicts, [&](auto &verdict) { return warning.find(verdict.first) != std::string::npos; });
    // Of nobody's: everybody's.
    for (auto &[name, verdict] : verdicts)
      if (named == verdicts.end() || name == named->first)
        verdict.warnings.push_back(warning);
  }
  return verdicts;
}

/// Waits and arrivals that ptxas adds around products, since their registers are written at the wrong time:
/// right, but slower than meant. Counted.
bool isAdvice(StringRef warning) { return warning.contains("(C7517)") || warning.contains("(C7519)"); }

/// Why a kernel will not do; nothing where it will.
std::string complaint(const Assembled &kernel, const Verdict &verdict) {
  const nvidia::Resources &r = verdict.resources;
  std::string text;
  if (r.spillBytes || r.stackBytes)
    text += fmt::format("{} bytes spilled, {} bytes of stack; ", r.spillBytes, r.stackBytes);
  if (r.registers == 0 || nvidia::occupancy(r, kernel.threads, kernel.dynamicShared) == 0)
    text +=
        fmt::format("does not fit a multiprocessor: {} registers for {} threads, {} bytes of shared memory; ",
                    r.registers, kernel.threads, r.sharedBytes + kernel.dynamicShared);
  for (const std::string &warning : verdict.warnings)
    if (!isAdvice(warning))
      text += warning + "; ";
  return text;
}

json readCache(const std::string &path) {
  auto text = readWhole(path);
  json cache = text ? json::parse(*text, nullptr, /*allow_exceptions=*/false) : json();
  return cache.is_object() ? cache : json::object();
}

/// Training and inference of every network, as large as it is written; two of them in f32 too, whose kernels
/// all have the reference lowering.
std::vector<NetworkPlan> plansOf(const std::string &models, const std::string &wanted) {
  std::vector<NetworkPlan> plans;
  for (const std::string &path : networksOf(models)) {
    std::string network = std::filesystem::relative(path, models).replace_extension();
    if (!wanted.empty() && network != wanted)
      continue;
    bool inF32 = network == "r2plus1d_18" || network == "ip_csn_50";
    for (bool bfloat16 : inF32 ? std::vector{true, false} : std::vector{true})
      for (bool train : {true, false})
        plans.push_back(
            {fmt::format("{} {} {}", network, bfloat16 ? "bf16" : "fp32", train ? "training" : "inference"),
             path,
             {FrontendOptions()},
             bfloat16,
             train});
  }
  return plans;
}

/// The verdict on each kernel, in their order, from the cache or from ptxas, which the cache learns.
std::vector<Verdict> judge(StringRef ptxas, const std::vector<Assembled> &kernels, json &cache,
                           const std::string &cachePath, std::vector<std::string> &wrong) {
  std::string version = hashOf(*readWhole(ptxas));
  std::vector<const Assembled *> unknown;
  for (const Assembled &kernel : kernels)
    if (!cache.contains(version + kernel.key))
      unknown.push_back(&kernel);
  constexpr size_t together = 8;
  std::mutex mutex;
  inParallel(llvm::divideCeil(unknown.size(), together), [&](size_t i) {
    auto batch = ArrayRef(unknown).drop_front(i * together).take_front(together);
    std::string error;
    auto verdicts = assemble(ptxas, batch, error);
    std::lock_guard lock(mutex);
    if (!error.empty())
      wrong.push_back(error);
    for (const Assembled *kernel : batch)
      if (auto found = verdicts.find(kernel->name); error.empty() && found != verdicts.end())
        cache[version + kernel->key] = found->second;
    writeWhole(cachePath, cache.dump()); // a run that is stopped is not lost
  });
  std::vector<Verdict> verdicts;
  for (const Assembled &kernel : kernels)
    verdicts.push_back(cache.value(version + kernel.key, Verdict()));
  return verdicts;
}

} // namespace

int main(int argc, char **argv) {
  auto ptxas = nvidia::findAssembler("");
  if (!ptxas) {
    fmt::print("skipped: there is no ptxas\n");
    return 77;
  }
  std::vector<std::string> wrong;
  std::vector<NetworkPlan> plans = plansOf(argv[1], argc > 3 ? argv[3] : "");
  std::vector<NetworkKernel> kernels = kernelsOf(plans, wrong);
  fmt::print("{} plans, {} different kernels\n", plans.size(), kernels.size());
  std::fflush(stdout);
  std::vector<Assembled> assembled(kernels.size());
  inParallel(kernels.size(), [&](size_t i) { assembled[i] = generate(kernels[i]); });
  json cache = readCache(argv[2]);
  size_t known = cache.size();
  std::vector<Verdict> verdicts = judge(*ptxas, assembled, cache, argv[2], wrong);
  for (size_t i = 0; i < kernels.size(); ++i)
    if (std::string why = assembled[i].error + complaint(assembled[i], verdicts[i]); !why.empty())
      wrong.push_back(fmt::format("{}, layer {}: {}", plans[kernels[i].plan].network, kernels[i].layer, why));
  for (const std::string &line : wrong)
    fmt::print("{}\n", line);
  for (size_t i = 0; i < kernels.size(); ++i)
    if (llvm::any_of(verdicts[i].warnings, isAdvice)) {
      StringRef op =
          StringRef(kernels[i].text).split("= kernel.").second.take_until([](char c) { return c == ' '; });
      fmt::print("ptxas adds waits around products: {}, layer {} ({})\n", plans[kernels[i].plan].network,
                 kernels[i].layer, op.str());
    }
  fmt::print("{} kernels assembled now, {} wrong\n", cache.size() - known, wrong.size());
  return !wrong.empty() || kernels.empty();
}
