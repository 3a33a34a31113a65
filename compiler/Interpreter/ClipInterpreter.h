// Runs functions of clip operations on tensors, slowly and plainly. It is the root oracle of the compiler's
// tests.
#ifndef KINEMA_COMPILER_INTERPRETER_CLIPINTERPRETER_H
#define KINEMA_COMPILER_INTERPRETER_CLIPINTERPRETER_H

#include "compiler/Interpreter/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>

namespace kinema {

class Interpreter {
public:
  /// Says how results are kept: rounded to float after each operation, as memory would, or in full double
  /// (for finite differences). Sums are in double either way.
  enum class Storage { Float, Double };

  /// `module` must outlive the interpreter. Parameters with a constant `init` start with it, the others
  /// unset.
  explicit Interpreter(mlir::ModuleOp module, Storage storage = Storage::Float);

  void setParam(llvm::StringRef name, Tensor value);
  /// Returns a parameter's value; null where it was never set or written.
  const Tensor *getParam(llvm::StringRef name) const;

  /// Runs `function`, keeps what it writes to parameters, and returns its results in order. Reports an error,
  /// at the operation, for a missing parameter, an input of another shape, or an operation that is neither of
  /// the clip dialect nor pointwise.
  mlir::FailureOr<std::vector<Tensor>> run(llvm::StringRef function, std::vector<Tensor> inputs);

private:
  using Values = llvm::DenseMap<mlir::Value, Tensor>;
  mlir::LogicalResult execute(mlir::Operation &op, Values &values);
  mlir::FailureOr<std::vector<Tensor>> batchNorm(mlir::Operation &op,
                                                 const std::vector<const Tensor *> &operands);

  mlir::ModuleOp module;
  Storage storage;
  std::map<std::string, Tensor> params;
  std::map<std::string, Tensor> written; // written by the function that runs; visible to the next one
};

} // namespace kinema

#endif
