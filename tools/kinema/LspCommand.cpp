// Implements `kinema lsp`: what editors ask about specs.
#include "runtime/Support/Error.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/Editor/Server.h"
#include "tools/kinema/Exit.h"
#include "tools/kinema/PackageCache.h"

namespace kinema {

void addLsp(CLI::App &app) {
  struct Options {
    std::vector<std::string> models;
    bool stdio = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App *command = app.add_subcommand(
      "lsp", "answer an editor about specs while they are written, by the Language Server Protocol on the "
             "standard input and output; editors start it");
  command->add_option("--models", options->models, "folders in which `use` looks for files");
  command->add_flag("--stdio", options->stdio, "what some editors say: it is what is done anyway");
  command->callback([options] {
    if (int status = editor::serve(stdin, llvm::outs(), options->models, cacheFolder()))
      throw Exit{status};
  });
}

} // namespace kinema
