#include "compiler/Import/Import.h"

#include "dialects/Recipe.h"
#include "dsl/Operations.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace kinema;

namespace {

class Importer {
public:
  Importer(const dsl::Program &program, MLIRContext &context)
      : program(program), context(context), builder(&context) {}

  OwningOpRef<ModuleOp> run();

private:
  Location place(dsl::Location location) { return importLocation(location, program.sources, context); }
  StringAttr text(StringRef word) { return builder.getStringAttr(word); }
  StringAttr optionalText(const std::optional<dsl::Name> &name) {
    return name ? text(name->text) : StringAttr();
  }

  void nameFiles();
  ArrayAttr usesOf(uint32_t file);
  void importFile(const dsl::File &file);
  void importDefinition(const dsl::Definition &definition);
  ArrayAttr importParameters(const dsl::Definition &definition);
  void importChains(const dsl::Body &body, Region &region);
  void importBranches(const dsl::Body &body, Region &region);
  void importStatement(const dsl::Stmt &statement);
  void importCall(const dsl::CallStmt &call);
  void importLet(const dsl::LetStmt &let);
  void importSet(const dsl::SetStmt &set);
  void importStream(const dsl::StreamStmt &stream);
  void importFrom(const dsl::FromStmt &from);

  const dsl::Program &program;
  MLIRContext &context;
  OpBuilder builder;
  SmallVector<StringAttr> fileNames; // by file number
};

} // namespace

/// A file's symbol is its name without folder and ending; where two are equal, a number is added.
void Importer::nameFiles() {
  llvm::StringSet<> taken;
  for (const auto &file : program.files) {
    StringRef stem = llvm::sys::path::stem(program.sources.path(file->id));
    StringAttr name = text(stem);
    for (unsigned number = 2; !taken.insert(name).second; ++number)
      name = text((stem + Twine(number)).str());
    fileNames.push_back(name);
  }
}

/// The other files whose definitions a file sees, in their order.
ArrayAttr Importer::usesOf(uint32_t file) {
  llvm::SmallSet<uint32_t, 8> seen;
  for (const auto &entry : program.scopes[file])
    seen.insert(entry.second->location.file);
  SmallVector<Attribute> uses;
  for (uint32_t other = 0; other < fileNames.size(); ++other)
    if (other != file && seen.contains(other))
      uses.push_back(FlatSymbolRefAttr::get(fileNames[other]));
  return builder.getArrayAttr(uses);
}

OwningOpRef<ModuleOp> Importer::run() {
  OwningOpRef<ModuleOp> module(ModuleOp::create(place(program.network->location)));
  nameFiles();
  builder.setInsertionPointToEnd(module->getBody());
  for (const auto &file : program.files)
    importFile(*file);
  (*module)->setAttr("kinema.network", builder.getDictionaryAttr(
                                           builder.getNamedAttr("name", text(program.network->name.text))));
  (*module)->setAttr(recipeAttribute, importRecipe(program.recipe, context));
  return module;
}

void Importer::importFile(const dsl::File &file) {
  Location where = FileLineColLoc::get(text(program.sources.path(file.id)), 1, 1);
  auto op = arch::FileOp::create(builder, where, fileNames[file.id], usesOf(file.id));
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&op.getBody());
  for (const auto &definition : file.definitions)
    importDefinition(*definition);
}

ArrayAttr Importer::importParameters(const dsl::Definition &definition) {
  SmallVector<Attribute> parameters;
  for (const dsl::Parameter &parameter : definition.parameters) {
    Attribute value =
        parameter.defaultValue ? importExpression(*parameter.defaultValue, context) : Attribute();
    parameters.push_back(
        arch::ParameterAttr::get(&context, text(parameter.name.text), text(toString(parameter.type)), value));
  }
  return builder.getArrayAttr(parameters);
}

void Importer::importDefinition(const dsl::Definition &definition) {
  auto create = [&]<typename Op>(Op *) {
    auto op = Op::create(builder, place(definition.name.location), text(definition.name.text),
                         importParameters(definition));
    importChains(definition.body, op.getBody());
  };
  switch (definition.kind) {
  case dsl::Definition::Kind::Unit:
    return create(static_cast<arch::UnitOp *>(nullptr));
  case dsl::Definition::Kind::Block:
    return create(static_cast<arch::BlockOp *>(nullptr));
  case dsl::Definition::Kind::Network:
    return create(static_cast<arch::NetworkOp *>(nullptr));
  }
}

void Importer::importChains(const dsl::Body &body, Region &region) {
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&region);
  for (const dsl::Chain &chain : body.chains)
    for (const dsl::StmtPtr &statement : chain.statements)
      importStatement(*statement);
}

void Importer::importBranches(const dsl::Body &body, Region &region) {
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&region);
  for (const dsl::Chain &chain : body.chains) {
    if (chain.statements.empty())
      continue;
    auto branch = arch::BranchOp::create(builder, place(chain.statements.front()->location));
    OpBuilder::InsertionGuard inner(builder);
    builder.createBlock(&branch.getBody());
    for (const dsl::StmtPtr &statement : chain.statements)
      importStatement(*statement);
  }
}

void Importer::importStatement(const dsl::Stmt &statement) {
  switch (statement.kind) {
  case dsl::Stmt::Kind::Let:
    return importLet(cast<dsl::LetStmt>(statement));
  case dsl::Stmt::Kind::Set:
    return importSet(cast<dsl::SetStmt>(statement));
  case dsl::Stmt::Kind::Stream:
    return importStream(cast<dsl::StreamStmt>(statement));
  case dsl::Stmt::Kind::From:
    return importFrom(cast<dsl::FromStmt>(statement));
  case dsl::Stmt::Kind::Call:
    return importCall(cast<dsl::CallStmt>(statement));
  }
}

void Importer::importCall(const dsl::CallStmt &call) {
  arch::Places places{place(call.location), place(call.head.location), {}};
  SmallVector<Attribute> arguments;
  for (const dsl::Argument &argument : call.arguments) {
    arguments.push_back(importArgument(argument, context));
    places.arguments.push_back({place(argument.location), place(argument.value().location)});
  }
  auto op = arch::CallOp::create(builder, places.fuse(), optionalText(call.label), text(call.head.text),
                                 builder.getArrayAttr(arguments),
                                 call.times ? importExpression(*call.times, context) : Attribute());
  if (!call.body)
    return;
  const dsl::Operation *operation = dsl::findOperation(call.head.text);
  if (operation && operation->braces == dsl::Operation::Braces::Branches)
    importBranches(*call.body, op.getBody());
  else
    importChains(*call.body, op.getBody());
}

void Importer::importLet(const dsl::LetStmt &let) {
  arch::Places places{place(let.location), place(let.value->location), {}};
  arch::LetOp::create(builder, places.fuse(), text(let.name.text), importExpression(*let.value, context));
}

void Importer::importSet(const dsl::SetStmt &set) {
  arch::Places places{place(set.location), place(set.head.location), {}};
  arch::SetOp::create(builder, places.fuse(), text(set.head.text), text(set.parameter.text),
                      importExpression(*set.value, context));
}

void Importer::importStream(const dsl::StreamStmt &stream) {
  arch::Places places{place(stream.location), place(stream.name.location), {}};
  auto op = arch::StreamOp::create(builder, places.fuse(), text(stream.name.text));
  importChains(stream.body, op.getBody());
}

void Importer::importFrom(const dsl::FromStmt &from) {
  arch::Places places{place(from.location), place(from.path->location), {}};
  arch::FromOp::create(builder, places.fuse(), optionalText(from.label), text(from.path->text()));
}

OwningOpRef<ModuleOp> kinema::importProgram(const dsl::Program &program, MLIRContext &context) {
  context.loadDialect<arch::ArchDialect>();
  return Importer(program, context).run();
}
