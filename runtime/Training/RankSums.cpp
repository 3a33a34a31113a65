#include "runtime/Training/RankSums.h"

#include "runtime/Support/Digest.h"
#include "runtime/Support/Error.h"

#include <nlohmann/json.hpp>

#include <algorithm>

using nlohmann::json;

namespace kinema {
namespace {

// The names of files need not be UTF-8, so they are told as bytes.
json describe(const std::vector<Unreadable> &videos) {
  json list = json::array();
  for (const Unreadable &video : videos)
    list.push_back({video.video, json::binary({video.name.begin(), video.name.end()}),
                    json::binary({video.reason.begin(), video.reason.end()})});
  return list;
}

void addUnreadable(const json &list, std::vector<Unreadable> &videos) {
  auto text = [](const json &bytes) {
    return std::string(bytes.get_binary().begin(), bytes.get_binary().end());
  };
  for (const json &video : list) {
    const auto number = video.at(0).get<int64_t>();
    if (std::ranges::none_of(videos, [&](const Unreadable &known) { return known.video == number; }))
      videos.push_back({number, text(video.at(1)), text(video.at(2))});
  }
}

json describe(const ClipMetrics &clips) { return {clips.clips, clips.top1, clips.top5, clips.loss}; }

ClipMetrics clipsOf(const json &told) {
  ClipMetrics clips;
  clips.clips = told.at(0).get<int64_t>();
  clips.top1 = told.at(1).get<int64_t>();
  clips.top5 = told.at(2).get<int64_t>();
  clips.loss = told.at(3).get<double>();
  return clips;
}

} // namespace

std::vector<json> gatherJson(Ranks &ranks, const json &own) {
  std::string bytes;
  json::to_cbor(own, bytes); // numbers keep their bits
  std::vector<json> all;
  for (const std::string &part : ranks.gather(bytes))
    all.push_back(json::from_cbor(part));
  return all;
}

StepNews newsOfAll(Ranks *ranks, const StepNews &own) {
  if (!ranks)
    return own;
  StepNews all;
  for (const json &news :
       gatherJson(*ranks, {own.clips, own.stops, own.saves && ranks->isFirst(), describe(own.unreadable)})) {
    all.clips += news.at(0).get<int64_t>();
    all.stops |= news.at(1).get<bool>();
    all.saves |= news.at(2).get<bool>();
    addUnreadable(news.at(3), all.unreadable);
  }
  return all;
}

StepFindings findingsOfAll(Ranks *ranks, const StepFindings &own) {
  if (!ranks)
    return own;
  StepFindings all;
  const double weighted = own.valid > 0 ? own.loss * static_cast<double>(own.valid) : 0;
  for (const json &found : gatherJson(*ranks, {describe(own.clips), weighted, own.valid})) {
    all.clips.add(clipsOf(found.at(0)));
    all.loss += found.at(1).get<double>();
    all.valid += found.at(2).get<int64_t>();
  }
  all.loss /= static_cast<double>(std::max<int64_t>(all.valid, 1));
  return all;
}

void mergeOverRanks(Ranks *ranks, BatchStatistics &statistics) {
  if (!ranks)
    return;
  const std::vector<json> all = gatherJson(*ranks, statistics.toJson());
  statistics.clear();
  for (const json &own : all)
    statistics.addFrom(own);
}

void addOtherRanks(Ranks *ranks, Evaluation &evaluation) {
  if (!ranks)
    return;
  const std::vector<json> all = gatherJson(
      *ranks, {describe(evaluation.clips), evaluation.scores.toJson(), describe(evaluation.unreadable)});
  evaluation.clips = {};
  evaluation.scores.clear();
  evaluation.unreadable.clear();
  for (const json &own : all) {
    evaluation.clips.add(clipsOf(own.at(0)));
    evaluation.scores.addFrom(own.at(1));
    addUnreadable(own.at(2), evaluation.unreadable);
  }
}

void checkSameParameters(Program &program, Ranks &ranks, const std::string &when) {
  Digest digest;
  std::vector<float> values;
  for (const Parameter &parameter : program.manifest().parameters) {
    values.resize(parameter.elements());
    program.get(parameter, values);
    digest.add({reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float)});
  }
  const std::vector<std::string> all = ranks.gather(digest.text());
  for (size_t rank = 1; rank < all.size(); ++rank)
    if (all[rank] != all[0])
      fail("{}, rank {} has other parameters than rank 0, though both were updated by the same gradients: "
           "their "
           "processors or their code differ; compile one package with --distributed for all ranks, for a "
           "target "
           "that all of them have",
           when, rank);
}

} // namespace kinema
