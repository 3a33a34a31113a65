// Decides by a recipe how parameters are updated, and writes the updates.
#ifndef KINEMA_COMPILER_TRANSFORMS_UPDATEPLAN_H
#define KINEMA_COMPILER_TRANSFORMS_UPDATEPLAN_H

#include "dialects/Clip/Clip.h"
#include "runtime/Package/RecipeFields.h"

#include "mlir/IR/Builders.h"

namespace kinema {

/// Holds what a recipe says about updates.
class UpdatePlan {
public:
  explicit UpdatePlan(const TrainRecipe &recipe);

  /// Returns the fields of `%hyper` that updates read.
  llvm::SmallVector<clip::HyperField> fields() const;
  /// Returns the roles of the states that are kept about a parameter; none where no update changes it.
  llvm::SmallVector<llvm::StringRef> statesOf(clip::ParamOp param) const;

  /// Returns whether updates change the parameter: it is of a trained sort and not frozen, and its
  /// learning rate is not 0.
  bool changes(clip::ParamOp param) const;
  /// Returns whether a batch norm keeps its running statistics and takes them in training too: updates change
  /// neither its factors nor its offsets.
  bool freezes(clip::BatchNormOp norm) const;

  /// Adds the updates of the parameters that are read, by their gradients, at `builder`, with the states that
  /// they need and with what writes both.
  void addUpdates(mlir::OpBuilder &builder, llvm::ArrayRef<clip::ReadOp> reads,
                  llvm::ArrayRef<mlir::Value> gradients, mlir::Value hyper) const;

private:
  double rateFactorOf(clip::ParamOp param) const;
  double decayFactorOf(clip::ParamOp param) const;

  clip::UpdateForm form;
  double maxNorm; // 0: gradients are not clipped
  bool accumulates, sparesNorms, sparesBiases;
  llvm::SmallVector<std::pair<std::string, double>>
      rates; // by patterns of names; the last that matches counts
};

/// Returns whether a parameter has a name of this pattern, in which `*` stands for any characters.
bool matchesName(llvm::StringRef pattern, llvm::StringRef name);

} // namespace kinema

#endif
