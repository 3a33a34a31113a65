#include "dialects/Clip/Clip.h"

using namespace kinema::clip;

llvm::SmallVector<llvm::StringRef> UpdateForm::states() const {
  llvm::SmallVector<llvm::StringRef> names;
  switch (rule) {
  case UpdateRule::Sgd:
  case UpdateRule::Lars:
    names = {"momentum"};
    break;
  case UpdateRule::AdamW:
    names = {"mean", "square"};
    break;
  case UpdateRule::Sum:
    break;
  }
  if (averaged)
    names.push_back("average");
  return names;
}

llvm::SmallVector<HyperField> UpdateForm::fields() const {
  using Field = HyperField;
  llvm::SmallVector<Field> fields;
  switch (rule) {
  case UpdateRule::Sgd:
    fields = {Field::Rate, Field::Momentum, Field::Nesterov, Field::Decay};
    break;
  case UpdateRule::AdamW:
    fields = {Field::Rate,      Field::Decay,       Field::MeanGain, Field::SquareGain,
              Field::MeanScale, Field::SquareScale, Field::Epsilon};
    break;
  case UpdateRule::Lars:
    fields = {Field::Rate, Field::Momentum, Field::Decay, Field::Trust};
    break;
  case UpdateRule::Sum:
    fields = {Field::Keep, Field::Share};
    break;
  }
  if (averaged)
    fields.push_back(Field::AverageGain);
  if (held)
    fields.push_back(Field::Apply);
  return fields;
}
