#include "runtime/Training/RunLog.h"

#include "runtime/Plots/EventRecord.h"
#include "runtime/Plots/RunFolder.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <optional>

using nlohmann::json;

namespace kinema {
namespace {

constexpr std::string_view epochTag = "train/loss"; // each epoch has this scalar

double wallTime() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// A line of a step is an object of these fields.
struct WholeField {
  const char *name;
  int64_t StepRow::*value;
};
constexpr WholeField wholeFields[] = {{"step", &StepRow::step},
                                      {"epoch", &StepRow::epoch},
                                      {"batch", &StepRow::batch},
                                      {"clips", &StepRow::clips}};
struct NumberField {
  const char *name;
  double StepRow::*value;
};
constexpr NumberField numberFields[] = {{"rate", &StepRow::rate},
                                        {"loss", &StepRow::loss},
                                        {"seconds", &StepRow::seconds},
                                        {"waited", &StepRow::waited},
                                        {"copied", &StepRow::copied}};

std::optional<StepRow> parseStep(std::string_view text) {
  const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!line.is_object() || !line.contains("step"))
    return std::nullopt;
  StepRow row;
  auto read = [&](const auto &field, auto isRight) { // a log of an earlier version lacks some fields
    const auto found = line.find(field.name);
    if (found == line.end())
      return true;
    const bool right = (*found.*isRight)();
    if (right)
      found->get_to(row.*field.value);
    return right;
  };
  bool right = true;
  for (const WholeField &field : wholeFields)
    right = right && read(field, &json::is_number_integer);
  for (const NumberField &field : numberFields)
    right = right && read(field, &json::is_number);
  return right ? std::make_optional(row) : std::nullopt;
}

// Returns the length of the part of the file that holds whole lines of steps up to `step`.
int64_t linesUpTo(std::string_view file, int64_t step) {
  size_t end = 0;
  for (size_t next; (next = file.find('\n', end)) != std::string_view::npos; end = next + 1) {
    const std::optional<StepRow> row = parseStep(file.substr(end, next - end));
    if (!row || row->step > step)
      break;
  }
  return static_cast<int64_t>(end);
}

[[noreturn]] void failWriting(const std::string &name, const std::string &reason = std::strerror(errno)) {
  fail("{}: cannot be written: {}", name, reason);
}

// Opens a file to go on with behind its first bytes.
std::ofstream goOn(const std::string &name, int64_t bytes) {
  std::error_code error;
  if (std::filesystem::exists(name))
    std::filesystem::resize_file(name, static_cast<uintmax_t>(bytes), error);
  std::ofstream file(name, std::ios::binary | std::ios::app);
  if (error)
    failWriting(name, error.message());
  if (!file)
    failWriting(name);
  return file;
}

std::string contentOf(const std::string &name) {
  return std::filesystem::exists(name) ? readFile(name) : std::string();
}

} // namespace

std::vector<StepRow> readSteps(const std::string &path) {
  const std::string file = readFile(path);
  std::vector<StepRow> rows;
  for (size_t begin = 0, next; (next = file.find('\n', begin)) != std::string::npos; begin = next + 1) {
    const std::optional<StepRow> row = parseStep(std::string_view(file).substr(begin, next - begin));
    if (!row)
      break;
    rows.push_back(*row);
  }
  return rows;
}

RunLog::RunLog(const std::string &folder, int64_t epochs, int64_t step)
    : steps(run_files::in(folder, run_files::steps)), events(run_files::in(folder, run_files::events)) {
  stepsFile = goOn(steps, linesUpTo(contentOf(steps), step));
  const int64_t kept = eventBytesUpTo(contentOf(events), step, epochTag, epochs);
  eventsFile = goOn(events, kept);
  if (kept == 0)
    append(eventsFile, events, firstEventRecord(wallTime()));
  flush();
}

void RunLog::append(std::ofstream &file, const std::string &name, std::string_view bytes) {
  if (!file.write(bytes.data(), static_cast<std::streamsize>(bytes.size())))
    failWriting(name);
}

void RunLog::add(const StepRow &row) {
  json line;
  for (const WholeField &field : wholeFields)
    line[field.name] = row.*field.value;
  for (const NumberField &field : numberFields)
    line[field.name] = row.*field.value;
  append(stepsFile, steps, line.dump() + "\n");
  const EventScalar scalars[] = {{"step/loss", static_cast<float>(row.loss)},
                                 {"step/rate", static_cast<float>(row.rate)}};
  append(eventsFile, events, eventRecord(wallTime(), row.step, scalars));
}

void RunLog::add(const EpochRow &row, int64_t step) {
  std::vector<EventScalar> scalars;
  auto add = [&](std::string_view tag, double value) {
    if (!std::isnan(value))
      scalars.push_back({tag, static_cast<float>(value)});
  };
  add(epochTag, row.trainLoss);
  add("train/clip_top1", row.trainClipTop1);
  add("test/loss", row.testLoss);
  add("test/clip_top1", row.testClipTop1);
  add("test/video_top1", row.testVideoTop1);
  add("test/video_top5", row.testVideoTop5);
  add("speed/clips_per_second", row.clipsPerSecond);
  add("speed/waiting", row.waiting);
  append(eventsFile, events, eventRecord(wallTime(), step, scalars));
  flush();
}

void RunLog::flush() {
  if (!stepsFile.flush())
    failWriting(steps);
  if (!eventsFile.flush())
    failWriting(events);
}

} // namespace kinema
