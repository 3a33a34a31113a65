// Runs the command `kinema`: from specs to packages, and the runtime's commands on specs.
#include "runtime/Commands/CommandLine.h"
#include "runtime/Commands/Completion.h"
#include "runtime/Commands/Manual.h"
#include "runtime/Commands/RunReport.h"
#include "runtime/Ranks/Ranks.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/Exit.h"

int main(int argc, char **argv) {
  CLI::App app("Kinema compiles video networks, trains and runs them.", "kinema");
  app.require_subcommand(1);
  kinema::addNew(app);
  kinema::addInspect(app);
  kinema::addExplore(app);
  kinema::addCompile(app);
  kinema::addBuild(app);
  kinema::addExport(app);
  kinema::addDiff(app);
  kinema::addFormat(app);
  kinema::addLsp(app);
  kinema::addRuntimeCommands(app);
  kinema::addTune(app);
  kinema::addData(app);
  kinema::addReport(app);
  kinema::addWeights(app);
  kinema::addDoctor(app);
  kinema::addCompletion(app);
  kinema::addManual(app);
  try {
    return kinema::runCommandLine(app, argc, argv, "kinema", kinema::compilerVersion());
  } catch (const kinema::Exit &exit) {
    return kinema::leaveRanks(exit.status);
  }
}
