#include "dsl/Load.h"

#include "dsl/Check.h"
#include "dsl/Library.h"
#include "dsl/Parser.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <cstdlib>
#include <set>

namespace kinema::dsl {

namespace path = llvm::sys::path;

llvm::Expected<std::string> readSpec(llvm::StringRef name) {
  llvm::sys::fs::file_status status;
  std::error_code error = llvm::sys::fs::status(name, status);
  if (!error && llvm::sys::fs::is_directory(status))
    error = std::make_error_code(std::errc::is_a_directory);
  if (!error && status.type() == llvm::sys::fs::file_type::character_file)
    error = std::make_error_code(std::errc::not_supported);
  if (error)
    return llvm::createStringError(error, "cannot read " + name + ": " + error.message());
  if (status.getSize() > maxFileBytes)
    return llvm::createStringError(name + " has " + llvm::Twine(status.getSize()) +
                                   " bytes, the limit for a spec is " + llvm::Twine(maxFileBytes));
  auto buffer = llvm::MemoryBuffer::getFile(name, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createStringError(buffer.getError(),
                                   "cannot read " + name + ": " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

namespace {

class Loader {
public:
  Loader(const LoadOptions &options, Program &program, Diagnostics &diagnostics)
      : options(options), program(program), diagnostics(diagnostics) {}

  void load(llvm::StringRef name, std::string text);

private:
  uint32_t parseInto(std::string name, std::string text);
  std::optional<uint32_t> used(const Name &name, uint32_t user);
  std::vector<std::string> folders(uint32_t user) const;
  void fillScope(uint32_t file, llvm::ArrayRef<uint32_t> visible);
  void applySections();
  void applyOverrides();
  void applySizes();
  bool setParameter(Setting &setting);
  void complainOfParameter(const PathExpr &path);

  const LoadOptions &options;
  Program &program;
  Diagnostics &diagnostics;
};

uint32_t Loader::parseInto(std::string name, std::string text) {
  uint32_t id = program.sources.add(std::move(name), std::move(text));
  program.files.push_back(parse(program.sources, id, diagnostics));
  return id;
}

/// Lists the folders in which `use` looks from file `user`, first to last.
std::vector<std::string> Loader::folders(uint32_t user) const {
  std::vector<std::string> result;
  auto add = [&](llvm::StringRef folder) {
    llvm::SmallString<128> lib(folder);
    path::append(lib, "lib");
    result.push_back(folder.str());
    result.push_back(lib.str().str());
  };
  add(path::parent_path(program.sources.path(user)));
  if (user != 0)
    add(path::parent_path(program.sources.path(0)));
  for (const std::string &folder : options.libraryPaths)
    add(folder);
  if (const char *variable = std::getenv("KINEMA_MODELS")) {
    llvm::SmallVector<llvm::StringRef> parts;
    llvm::StringRef(variable).split(parts, ':', -1, /*KeepEmpty=*/false);
    for (llvm::StringRef folder : parts)
      add(folder);
  }
  return result;
}

/// Finds, reads and parses a used file, once. A file does not find itself, so that models/csn.arch may use
/// lib/csn.arch.
std::optional<uint32_t> Loader::used(const Name &name, uint32_t user) {
  for (const std::string &folder : folders(user)) {
    llvm::SmallString<128> candidate(folder);
    path::append(candidate, name.text + ".arch");
    if (program.sources.path(user) == candidate || !llvm::sys::fs::exists(candidate) ||
        llvm::sys::fs::equivalent(candidate, program.sources.path(user)))
      continue;
    if (auto known = program.sources.find(candidate))
      return known;
    std::optional<std::string> edited = options.textOf ? options.textOf(candidate) : std::nullopt;
    auto text = edited ? llvm::Expected<std::string>(std::move(*edited)) : readSpec(candidate);
    if (text)
      return parseInto(candidate.str().str(), std::move(*text));
    diagnostics.error(name.location, llvm::toString(text.takeError()));
    return std::nullopt;
  }
  std::vector<llvm::StringRef> names;
  for (auto [files, folder] : {std::pair(library(), "models/lib/"), {models(), "models/"}})
    for (const LibraryFile &file : files) {
      std::string libraryPath = (folder + file.name + ".arch").str();
      if (file.name == name.text) {
        auto known = program.sources.find(libraryPath);
        return known ? *known : parseInto(libraryPath, file.text.str());
      }
      names.push_back(file.name);
    }
  Diagnostic &error = diagnostics.error(name.location, "no file '" + name.text + ".arch' is found",
                                        didYouMean(name.text, names));
  for (const std::string &folder : folders(user))
    error.note("looked in " + (folder.empty() ? "." : folder));
  error.note("and in the library: " + llvm::join(llvm::ArrayRef(names).take_front(library().size()), " ") +
             ", and the networks of models/");
  error.note("other folders are named with --models or in the variable KINEMA_MODELS");
  return std::nullopt;
}

/// Fills what a file sees: its own definitions, those of the files it uses, and those of the prelude, in this
/// order.
void Loader::fillScope(uint32_t file, llvm::ArrayRef<uint32_t> visible) {
  auto &scope = program.scopes[file];
  uint32_t prelude = program.files.size() - 1;
  for (uint32_t other : visible) {
    for (const auto &definition : program.files[other]->definitions) {
      auto [place, added] = scope.try_emplace(definition->name.text, definition.get());
      const Definition &first = *place->second;
      if (added || other == prelude || &first == definition.get())
        continue;
      bool both = other == file;
      Location where = both ? definition->name.location : first.name.location;
      if (!both && first.location.file != file)
        where = program.files[file]
                    ->uses[llvm::find(program.uses[file], other) - program.uses[file].begin()]
                    .location;
      diagnostics.error(where, "'" + definition->name.text + "' is defined twice")
          .note((toString(first.kind) + " '" + first.name.text + "' at " +
                 program.sources.describe(first.name.location))
                    .str())
          .note((toString(definition->kind) + " '" + definition->name.text + "' at " +
                 program.sources.describe(definition->name.location))
                    .str());
    }
  }
}

void Loader::load(llvm::StringRef name, std::string text) {
  parseInto(name.str(), std::move(text));
  for (uint32_t file = 0; file < program.files.size(); ++file) {
    program.uses.resize(file + 1);
    for (const Name &use : program.files[file]->uses) {
      auto found = used(use, file);
      // Each `use` line gets an entry, so that errors find their line; where the file is missing, the using
      // file takes its place.
      program.uses[file].push_back(found.value_or(file));
    }
  }
  Name prelude{"prelude", {}};
  for (const LibraryFile &file : library())
    if (file.name == prelude.text)
      parseInto("models/lib/prelude.arch", file.text.str());
  program.scopes.resize(program.files.size());
  program.uses.resize(program.files.size());
  for (uint32_t file = 0; file < program.files.size(); ++file) {
    std::vector<uint32_t> visible{file};
    for (uint32_t other : program.uses[file])
      if (!llvm::is_contained(visible, other))
        visible.push_back(other);
    visible.push_back(program.files.size() - 1);
    fillScope(file, visible);
  }
  for (const auto &definition : program.files[0]->definitions)
    if (definition->kind == Definition::Kind::Network && !program.network)
      program.network = definition.get();
  std::vector<Name> unused; // parameters of the text as written, whatever the command line replaces
  if (program.network)
    unused = unusedParameters(*program.network);
  applySections();
  applySizes();
  applyOverrides();
  std::vector<NetworkInput> inputs = check(program, options.needsNetwork, diagnostics);
  if (!diagnostics.any())
    resolveRecipe(program, inputs, diagnostics);
  if (!diagnostics.any() && options.fromVideos && !inputs.empty())
    checkInputsFromVideos(inputs, diagnostics);
  if (diagnostics.any())
    program.network = nullptr;
  else
    for (const Name &parameter : unused)
      diagnostics.warning(parameter.location,
                          "nothing in network '" + program.network->name.text + "' uses its parameter '" +
                              parameter.text + "'",
                          parameter.text == "classes" ? "the last layer of a classifier is `fc classes`"
                                                      : "");
}

void Loader::applySections() {
  for (const auto &file : program.files) {
    Recipe unused; // for files that are used, of which the network alone counts
    std::set<Section::Kind> seen;
    for (const Section &section : file->sections)
      if (seen.insert(section.kind).second)
        apply(section, file->id == 0 ? program.recipe : unused, diagnostics);
      else
        diagnostics.error(section.location, ("section '" + toString(section.kind) + "' stands twice").str(),
                          "join the two");
  }
}

void Loader::applyOverrides() {
  for (const std::string &text : options.overrides) {
    uint32_t id = program.sources.add("--set", text);
    auto setting = parseSetting(program.sources, id, diagnostics);
    if (!setting)
      continue;
    if (!setting->path->isWord())
      applyOverride(*setting, program.recipe, diagnostics);
    else if (program.network && !setParameter(*setting))
      complainOfParameter(*setting->path);
  }
}

void Loader::applySizes() {
  for (const std::string &text : options.sizes) {
    uint32_t id = program.sources.add("--set", text);
    if (auto setting = parseSetting(program.sources, id, diagnostics); setting && program.network)
      setParameter(*setting);
  }
}

/// Replaces the default of the network's parameter that `setting` names; returns false where there is none.
bool Loader::setParameter(Setting &setting) {
  auto &definition = const_cast<Definition &>(*program.network); // it is in one of the program's own files
  for (Parameter &parameter : definition.parameters)
    if (parameter.name.text == setting.path->parts[0].text) {
      parameter.defaultValue = std::move(setting.value);
      return true;
    }
  return false;
}

void Loader::complainOfParameter(const PathExpr &path) {
  llvm::StringRef name = path.parts[0].text;
  std::vector<llvm::StringRef> names;
  for (const Parameter &parameter : program.network->parameters)
    names.push_back(parameter.name.text);
  std::string hint = didYouMean(name, names);
  std::string list = names.empty() ? "it has no parameters" : "it has " + llvm::join(names, " ");
  diagnostics.error(path.location,
                    ("network '" + program.network->name.text + "' has no parameter '" + name + "'").str(),
                    hint.empty() ? list : hint + " (" + list + ")");
}

} // namespace

const Definition *Program::find(uint32_t file, llvm::StringRef name) const {
  return file < scopes.size() ? scopes[file].lookup(name) : nullptr;
}

std::vector<llvm::StringRef> Program::names(uint32_t file) const {
  std::vector<llvm::StringRef> result;
  if (file < scopes.size())
    for (const auto &entry : scopes[file])
      result.push_back(entry.first());
  llvm::sort(result);
  return result;
}

bool loadText(llvm::StringRef name, std::string text, const LoadOptions &options, Program &program,
              Diagnostics &diagnostics) {
  Loader(options, program, diagnostics).load(name, std::move(text));
  return !diagnostics.any();
}

bool loadFile(llvm::StringRef name, const LoadOptions &options, Program &program, Diagnostics &diagnostics) {
  auto text = readSpec(name);
  if (text)
    return loadText(name, std::move(*text), options, program, diagnostics);
  diagnostics.error({}, llvm::toString(text.takeError()));
  return false;
}

} // namespace kinema::dsl
