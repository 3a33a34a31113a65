// Runs passes on Kinema's and upstream's dialects: for tests, reproducers and looking at one phase.
#include "compiler/Pipelines/Register.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  kinema::registerAllKinema(registry);
  mlir::registerAllPasses();
  kinema::registerKinemaPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Kinema's pass driver\n", registry));
}
