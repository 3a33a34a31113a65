#include "tools/kinema/Explorer.h"

#include "compiler/Inspect/Diff.h"
#include "runtime/Plots/Packing.h"
#include "runtime/Plots/Svg.h"
#include "tools/kinema/SpecOptions.h"

#include <fmt/format.h>

using namespace kinema;
using nlohmann::json;

static void requireSuccess(mlir::LogicalResult result) {
  require(mlir::failed(result) ? Outcome::Failed : Outcome::Done);
}

/// Returns the texts that some operation was written in, and that of the spec.
static std::vector<std::pair<std::string, std::string>> sourcesOf(const dsl::Sources &sources,
                                                                  const inspect::Exploration &exploration) {
  std::vector<bool> isShown(sources.size(), false);
  isShown[0] = true;
  for (const inspect::ExploredOperation &op : exploration.clip)
    if (op.place.known())
      isShown[op.place.file] = true;
  std::vector<std::pair<std::string, std::string>> texts;
  for (unsigned file = 0; file < sources.size(); ++file)
    texts.emplace_back(sources.path(file).str(), isShown[file] ? sources.text(file).str() : "");
  return texts;
}

ExploredSide kinema::explore(Compilation &compilation, const CompileOptions &options, bool code) {
  ExploredSide side;
  inspect::Exploration &exploration = side.exploration;
  mlir::OwningOpRef<mlir::ModuleOp> module = compilation.module().clone();
  auto table = inspect::describeNetwork(*module);
  requireSuccess(table);
  exploration.table = std::move(*table);
  auto placeOf = [&](mlir::Operation &op) -> inspect::SourcePlace {
    const dsl::Location place = compilation.placeOf(op);
    return {place.file, place.line};
  };
  inspect::exploreClip(*module, placeOf, exploration);
  side.sources = sourcesOf(compilation.program().sources, exploration);
  require(advance(*module, Phase::Clip, Phase::Step, options));
  inspect::exploreStep(*module, exploration);
  require(advance(*module, Phase::Step, Phase::Fused, options));
  inspect::exploreFused(*module, exploration);
  require(advance(*module, Phase::Fused, Phase::Planned, options));
  inspect::explorePlanned(*module, *options.target, exploration);
  if (!code)
    return side;
  require(advance(*module, Phase::Planned, Phase::Target, options));
  requireSuccess(inspect::exploreCode(*module, *options.target, exploration));
  return side;
}

json kinema::explorerFacts(const std::vector<ExploredSide> &sides) {
  json facts = {{"sides", json::array()}, {"pairs", nullptr}, {"difference", nullptr}};
  for (const ExploredSide &side : sides) {
    json object = inspect::factsJson(side.exploration);
    object.update({{"spec", side.spec}, {"settings", side.settings}, {"sources", json::array()}});
    for (const auto &[path, text] : side.sources)
      object["sources"].push_back({{"path", path}, {"text", text}});
    facts["sides"].push_back(std::move(object));
  }
  if (sides.size() < 2)
    return facts;
  const inspect::LayerTable &a = sides[0].exploration.table, &b = sides[1].exploration.table;
  facts["pairs"] = json::array();
  for (const inspect::LayerPair &pair : inspect::align(a, b))
    facts["pairs"].push_back({pair.a ? json(*pair.a) : json(), pair.b ? json(*pair.b) : json()});
  facts["difference"] = inspect::toJson(inspect::compareNetworks(a, b));
  return facts;
}

static std::string dumped(const json &object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Returns an element with packed JSON, which the page unpacks when it is asked for.
static std::string packed(const std::string &id, const json &object) {
  return fmt::format("<script type=\"text/plain\" id=\"{}\">{}</script>\n", id,
                     base64(deflated(dumped(object))));
}

/// Returns JSON as an element of a page may hold it, which a `</script>` would end.
static std::string inElement(const json &object) {
  std::string text;
  for (char c : dumped(object))
    text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return text;
}

/// Returns texts and code, of which a page unpacks what it shows.
static std::string packedTexts(const std::vector<ExploredSide> &sides) {
  std::string text;
  for (size_t number = 0; number < sides.size(); ++number) {
    const inspect::Exploration &exploration = sides[number].exploration;
    for (const char *phase : {"clip", "step", "fused"})
      text += packed(fmt::format("texts-{}-{}", number, phase), inspect::textsJson(exploration, phase));
    for (const auto &[kernel, forms] : exploration.code)
      text += packed(fmt::format("code-{}-{}", number, kernel), inspect::codeJson(forms));
  }
  return text;
}

std::string kinema::explorerPage(const std::vector<ExploredSide> &sides) {
  std::string title = sides[0].exploration.table.name;
  if (sides.size() > 1)
    title += " and " + sides[1].exploration.table.name;
  std::string text;
  std::vector<std::pair<std::string, std::string>> parts;
  for (const PageFile &file : pageFiles())
    if (file.name == "page")
      text = file.text;
    else
      parts.emplace_back(fmt::format("/* {} */", file.name), file.text);
  // What comes from specs is put in last, so that nothing is looked for in it.
  parts.emplace_back("<!-- title -->", escapedForSvg(title));
  parts.emplace_back("<!-- texts -->", packedTexts(sides));
  parts.emplace_back("<!-- facts -->", inElement(explorerFacts(sides)));
  for (const auto &[mark, content] : parts)
    if (size_t place = text.find(mark); place != std::string::npos)
      text.replace(place, mark.size(), content);
  return text;
}
