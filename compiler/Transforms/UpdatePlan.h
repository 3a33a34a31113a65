// Decides by a recipe how parameters are updated, and writes the updates.
#ifndef KINEMA_COMPILER_TRANSFORMS_UPDATEPLAN_H
#define KINEMA_COMPILER_TRANSFORMS_UPDATEPLAN_H

#include "dialects/Clip/Clip.h"
#include "runtime/Package/RecipeFields.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace kinema {

/// Holds what a module's recipe says about updates.
class UpdatePlan {
public:
  explicit UpdatePlan(mlir::ModuleOp module);

  /// Returns the fields of `%hyper` that the loss and updates read.
  llvm::SmallVector<clip::HyperField> fields() const;
  /// Returns the roles of the states that are kept about a parameter; none where no update changes it.
  llvm::SmallVector<llvm::StringRef> statesOf(clip::ParamOp param) const;

  /// Returns whether updates change the parameter: it is of a trained sort and not frozen, and its
  /// learning rate is not 0.
  bool changes(clip::ParamOp param) const;
  /// Returns whether a batch norm keeps its running statistics and takes them in training too: updates change
  /// neither its factors nor its offsets.
  bool freezes(clip::BatchNormOp norm) const;

  /// Returns whether processes add up their gradients between these and the updates, which then stand in
  /// different functions.
  bool isDistributed() const { return distributed; }
  /// Returns whether batch norms take the statistics of all processes' clips.
  bool syncsBatchNorms() const { return distributed && syncs; }

  /// Returns whether the step's loss is scaled.
  bool scalesLoss() const { return form.checked; }

  /// Adds what a training step does with the gradients of the parameters that are read, at `builder`, and
  /// with what is written: it updates the parameters by them or, where it is distributed, leaves them in
  /// states for `addLateUpdates`. Returns the norm of all gradients together that the updates read, if they
  /// do.
  mlir::Value addUpdates(mlir::OpBuilder &builder, llvm::ArrayRef<clip::ReadOp> reads,
                         llvm::ArrayRef<mlir::Value> gradients, mlir::Value hyper) const;
  /// Adds the updates of parameters, which another function reads, by the gradients that a distributed step
  /// has left. Returns the norm as `addUpdates` does.
  mlir::Value addLateUpdates(mlir::OpBuilder &builder, llvm::ArrayRef<clip::ReadOp> reads,
                             mlir::Value hyper) const;

private:
  struct Writer;
  UpdatePlan(const TrainRecipe &recipe, bool distributed, bool scalesLoss);
  mlir::Value addRule(Writer &writer, llvm::ArrayRef<clip::ReadOp> reads,
                      llvm::ArrayRef<mlir::Value> gradients) const;
  double rateFactorOf(clip::ParamOp param) const;
  double decayFactorOf(clip::ParamOp param) const;

  clip::UpdateForm form;
  double maxNorm; // infinite where gradients are not clipped
  bool distributed, accumulates, syncs, sparesNorms, sparesBiases;
  llvm::SmallVector<std::pair<std::string, double>>
      rates; // by patterns of names; the last that matches counts
};

/// Returns whether a parameter has a name of this pattern, in which `*` stands for any characters.
bool matchesName(llvm::StringRef pattern, llvm::StringRef name);

} // namespace kinema

#endif
