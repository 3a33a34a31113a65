// Runs packages for the library.
#include "runtime/Library/Sessions.h"

#include "runtime/Training/Checkpoint.h"
#include "runtime/Training/NetworkWeights.h"
#include "runtime/Training/Schedule.h"
#include "runtime/Training/Targets.h"

#include <algorithm>

using namespace kinema;
using namespace kinema::library;

namespace {

constexpr const char *fileInMemory = "the file in memory"; // as messages call it

// Returns the entry that an output of that kind is of; null for other tensors.
const char *entryOf(kinema_kind kind) {
  return kind == KINEMA_INFER_OUTPUT ? "infer" : kind == KINEMA_STEP_OUTPUT ? "train_step" : nullptr;
}

const ArenaTensor *findNamed(const auto &tensors, const std::string &name) {
  auto found = std::ranges::find_if(tensors, [&](const auto &tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

void requireBytes(const ArenaTensor &tensor, size_t bytes) {
  const int64_t wanted = tensor.elements() * bytesOf(tensor.type);
  if (bytes != static_cast<size_t>(wanted))
    refuse("tensor {} is {}, of {} bytes, and was given {}", tensor.name,
           describe(tensor.type, tensor.fileShape), wanted, bytes);
}

std::string checkedDevice(const char *device) {
  std::string name = textOf(device);
  checkDeviceName(name);
  return name;
}

} // namespace

kinema_session::kinema_session(std::shared_ptr<OpenPackage> open, const char *device, int threads)
    : package(std::move(open)) {
  std::string name = checkedDevice(device);
  std::lock_guard lock(package->reading);
  program = std::make_shared<Program>(package->archive, ProgramOptions{.threads = threads, .device = name});
  this->device = program->describeDevice();
}

const Manifest &kinema_session::requireTraining() const {
  if (!manifest().train)
    refuse("package {} was compiled for inference and cannot do a step; compile it with --mode train",
           manifest().name);
  return manifest();
}

ArenaTensor kinema_session::placeOf(const kinema_tensor &tensor) const {
  if (tensor.package != package.get())
    refuse("tensor {} is one of another package than the session's", tensor.name);
  if (const char *entry = entryOf(tensor.kind))
    return manifest().output(entry, tensor.name);
  const ArenaTensor *found = nullptr;
  if (tensor.kind == KINEMA_INPUT)
    found = findNamed(manifest().inputs, tensor.name);
  else if (tensor.kind == KINEMA_PARAMETER)
    found = manifest().findParameter(tensor.name);
  else
    for (const Parameter &parameter : manifest().parameters)
      for (const ArenaTensor &state : parameter.stateTensors())
        if (state.name == tensor.name)
          return state;
  if (!found)
    fail("the package's code for {} has no tensor {}", manifest().target, tensor.name);
  return *found;
}

void kinema_session::haveWeights(std::vector<std::string> classNames) {
  for (const Parameter &parameter : manifest().parameters)
    writtenParameters.insert(parameter.name);
  classes = std::move(classNames);
  count = {};
  steps = 0;
  lossScale.reset();
  prepared = true;
}

void kinema_session::haveWritten(const kinema_tensor &tensor) {
  if (tensor.kind == KINEMA_INPUT)
    writtenInputs.insert(tensor.name);
  if (tensor.kind != KINEMA_PARAMETER)
    return;
  writtenParameters.insert(tensor.name);
  prepared = false;
}

void kinema_session::requireParameters() const {
  for (const Parameter &parameter : manifest().parameters)
    if (!writtenParameters.contains(parameter.name))
      refuse("parameter {} was never set: load weights, initialise them, or write it", parameter.name);
}

const std::vector<double> &kinema_session::requireClassWeights() const {
  if (classWeights.empty() && manifest().recipe.train.classWeights != "none")
    refuse("the recipe weighs classes, and nobody has said how: set their weights before the labels");
  return classWeights;
}

void kinema_session::takeBound(const char *entry) {
  for (const auto &[tensor, held] : bound)
    if (tensor->kind == KINEMA_INPUT) {
      copyIn(*program, placeOf(*tensor), held->dl_tensor);
      haveWritten(*tensor);
    }
  for (const InputTensor &input : manifest().inputs)
    if (!writtenInputs.contains(input.name))
      refuse("input {} was never written: write it, or bind a tensor to it, before {}", input.name, entry);
}

void kinema_session::writeBound(const char *entry) {
  for (const auto &[tensor, held] : bound)
    if (const char *own = entryOf(tensor->kind); own && own == std::string_view(entry))
      copyOut(*program, placeOf(*tensor), held->dl_tensor);
}

void kinema_session::prepare() {
  requireParameters();
  if (prepared)
    return;
  lastEntry.clear();
  program->run("prepare");
  prepared = true;
}

void kinema_session::run(const char *entry) {
  lastEntry.clear();
  if (entry == std::string_view("train_step"))
    program->runStep();
  else
    program->run(entry);
  program->wait();
  lastEntry = entry;
  writeBound(entry);
}

kinema_error *kinema_session_open(const kinema_package *package, const char *device, int threads,
                                  kinema_session **session) {
  return guarded([&] {
    require(package, "package");
    require(session, "session");
    *session = new kinema_session(package->open, device, threads);
  });
}

void kinema_session_close(kinema_session *session) {
  if (session)
    valueOr(0, [&] { return session->program->enterThread(), 0; });
  delete session;
}

const char *kinema_session_device(const kinema_session *session) {
  return session ? session->device.c_str() : nullptr;
}

kinema_error *kinema_session_initialise(kinema_session *session, uint64_t seed) {
  return withSession(session, [&] {
    session->lastEntry.clear();
    session->program->initialise(seed);
    session->haveWeights({});
  });
}

// Loads all parameters. Where the weights do not fit, the session's stay; where they cannot be read to their
// end, it has none.
static void loadAll(kinema_session &session, OpenWeights weights) {
  const TensorFile &header = weights.file.header();
  matchWeights(session.manifest(), header, weights.origin, weights.naming);
  session.writtenParameters.clear();
  session.prepared = false;
  session.lastEntry.clear();
  session.program->loadWeights(weights.file, weights.origin, weights.naming);
  session.haveWeights(classNamesIn(header));
}

kinema_error *kinema_session_load_weights(kinema_session *session, const char *path, const char *names) {
  return withSession(session, [&] {
    const Package &archive = session->package->archive;
    std::lock_guard lock(session->package->reading);
    if (!path && !session->package->hasWeights)
      refuse("package {} carries no weights; name a file of them", archive.path());
    loadAll(*session, openWeights(archive, textOf(path), textOf(names)));
  });
}

kinema_error *kinema_session_load_weights_memory(kinema_session *session, const void *data, size_t bytes,
                                                 const char *names) {
  return withSession(session, [&] {
    require(data, "data");
    auto source = sourceOfView({static_cast<const char *>(data), bytes}, fileInMemory);
    loadAll(*session, {fileInMemory, findNaming(textOf(names)), TensorReader(std::move(source))});
  });
}

// Loads the parameters that a file has; says which.
static void loadPart(kinema_session &session, const TensorFile &file, const std::string &origin,
                     const char *names, std::span<uint8_t> taken) {
  const Manifest &manifest = session.manifest();
  if (taken.size() != manifest.parameters.size())
    refuse("{} has {} parameters, and it was asked of {} which were loaded", manifest.name,
           manifest.parameters.size(), taken.size());
  const Naming naming = findNaming(textOf(names));
  const WeightMatch match = findWeights(manifest, file, naming);
  requireAny(match, manifest, file, origin, naming);
  session.lastEntry.clear();
  session.program->loadMatchingWeights(match);
  session.prepared = false; // others may never have been set
  for (size_t i = 0; i < taken.size(); ++i) {
    taken[i] = match.parameters[i].tensor ? 1 : 0;
    if (taken[i])
      session.writtenParameters.insert(manifest.parameters[i].name);
  }
}

kinema_error *kinema_session_load_part(kinema_session *session, const char *path, const char *names,
                                       uint8_t *taken, int64_t count) {
  return withSession(session, [&] {
    require(path, "path");
    require(taken, "taken");
    loadPart(*session, readTensors(path), path, names, std::span(taken, static_cast<size_t>(count)));
  });
}

kinema_error *kinema_session_load_part_memory(kinema_session *session, const void *data, size_t bytes,
                                              const char *names, uint8_t *taken, int64_t count) {
  return withSession(session, [&] {
    require(data, "data");
    require(taken, "taken");
    const TensorFile file = parseTensors({static_cast<const char *>(data), bytes}, fileInMemory);
    loadPart(*session, file, fileInMemory, names, std::span(taken, static_cast<size_t>(count)));
  });
}

// Returns the file of a session's weights, whose tensors a naming calls.
static TensorFile weightsOf(kinema_session &session, const char *names) {
  session.requireParameters();
  TensorFile file = session.program->storeWeights(findNaming(textOf(names)));
  nameClasses(session.classes, file);
  return file;
}

kinema_error *kinema_session_save_weights(kinema_session *session, const char *path, const char *names) {
  return withSession(session, [&] {
    require(path, "path");
    writeTensors(path, weightsOf(*session, names));
  });
}

kinema_error *kinema_session_save_weights_memory(kinema_session *session, const char *names,
                                                 DLManagedTensor **content) {
  return withSession(session, [&] {
    require(content, "content");
    auto text = std::make_shared<std::string>(formatTensors(weightsOf(*session, names)));
    constexpr DLDataType bytes = {kDLUInt, 8, 1};
    const auto size = static_cast<int64_t>(text->size());
    *content = give(std::shared_ptr<void>(text, text->data()), bytes, {size});
  });
}

const char *kinema_session_class_name(const kinema_session *session, int64_t label) {
  if (!session || label < 0 || label >= static_cast<int64_t>(session->classes.size()))
    return nullptr;
  return session->classes[label].c_str();
}

kinema_error *kinema_session_write(kinema_session *session, const kinema_tensor *tensor, const void *values,
                                   size_t bytes) {
  return withSession(session, [&] {
    require(tensor, "tensor");
    require(values, "values");
    if (entryOf(tensor->kind))
      refuse("tensor {} is an output, which cannot be written", tensor->name);
    const ArenaTensor place = session->placeOf(*tensor);
    requireBytes(place, bytes);
    session->program->set(place, std::span(static_cast<const float *>(values), place.elements()));
    session->haveWritten(*tensor);
  });
}

kinema_error *kinema_session_read(kinema_session *session, const kinema_tensor *tensor, void *values,
                                  size_t bytes) {
  return withSession(session, [&] {
    require(tensor, "tensor");
    require(values, "values");
    const ArenaTensor place = session->placeOf(*tensor);
    if (const char *entry = entryOf(tensor->kind); entry && session->lastEntry != entry)
      refuse("output {} is there after {} and before anything else runs", tensor->name, entry);
    requireBytes(place, bytes);
    session->program->get(place, std::span(static_cast<float *>(values), place.elements()));
  });
}

kinema_error *kinema_session_prepare(kinema_session *session) {
  return withSession(session, [&] { session->prepare(); });
}

kinema_error *kinema_session_infer(kinema_session *session) {
  return withSession(session, [&] {
    session->requireParameters();
    session->takeBound("infer");
    session->prepare();
    session->run("infer");
  });
}

kinema_error *kinema_session_train_step(kinema_session *session, const double *rate, float *loss) {
  return withSession(session, [&] {
    const Manifest &manifest = session->requireTraining();
    session->requireParameters();
    session->takeBound("train_step");
    if (!session->writtenLabels)
      refuse("no labels were set: a step needs those of its clips");
    const TrainRecipe &recipe = manifest.recipe.train;
    Hyper hyper = nextHyper(recipe, session->count);
    hyper.rate = static_cast<float>(rate ? *rate : recipe.rate);
    setDraws(hyper, recipe.seed, session->steps++);
    if (manifest.scalesLoss() && !session->lossScale)
      session->lossScale = LossScale::of(recipe);
    std::optional<LossScale> scale = session->lossScale;
    if (scale)
      scale->tell(hyper);
    session->program->setHyper(hyper);
    session->prepared = false;
    session->run("train_step");
    if (scale && hyper.apply != 0)
      scale->found(session->program->getScalar(manifest.gradientNorm()), recipe); // which is an output, too
    session->lossScale = scale; // now that the step has ended
    float sum = 0;
    for (const ArenaTensor *part : manifest.losses())
      sum += session->program->getScalar(*part);
    if (loss)
      *loss = sum;
  });
}

kinema_error *kinema_session_set_class_weights(kinema_session *session, const double *weights,
                                               int64_t count) {
  return withSession(session, [&] {
    require(weights, "weights");
    const Manifest &manifest = session->requireTraining();
    if (manifest.recipe.train.classWeights == "none")
      refuse("package {} was compiled for classes that weigh the same", manifest.name);
    if (count != manifest.classes)
      refuse("{} weights were given for {} classes", count, manifest.classes);
    session->classWeights.assign(weights, weights + count);
  });
}

kinema_error *kinema_session_set_labels(kinema_session *session, const int32_t *labels, int64_t count) {
  return withSession(session, [&] {
    require(labels, "labels");
    const Manifest &manifest = session->requireTraining();
    if (count != manifest.batch)
      refuse("{} labels were given for a batch of {}", count, manifest.batch);
    const std::vector<int64_t> numbers(labels, labels + count);
    setLabels(*session->program, labelsOf(numbers, manifest.classes, manifest.name, "the array of labels"),
              manifest.recipe.train, session->requireClassWeights());
    session->writtenLabels = true;
  });
}

kinema_error *kinema_session_set_truths(kinema_session *session, const float *truths, int64_t count) {
  return withSession(session, [&] {
    require(truths, "truths");
    const Manifest &manifest = session->requireTraining();
    if (!manifest.targets)
      refuse("package {} takes labels and no truths", manifest.name);
    if (count != manifest.batch * manifest.classes)
      refuse("{} truths were given for {} clips of {} classes", count, manifest.batch, manifest.classes);
    setTruths(*session->program, std::span(truths, count), manifest.recipe.train,
              session->requireClassWeights());
    session->writtenLabels = true;
  });
}
