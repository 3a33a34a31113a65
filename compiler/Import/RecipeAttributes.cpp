// The recipe as a dictionary, with the keys of docs/package.md.
#include "compiler/Import/Import.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace kinema;

namespace {

/// Collects entries by their names.
class Dictionary {
public:
  explicit Dictionary(MLIRContext &context) : builder(&context) {}

  Dictionary &add(StringRef key, Attribute value) {
    entries.push_back(builder.getNamedAttr(key, value));
    return *this;
  }
  Dictionary &add(StringRef key, int64_t value) { return add(key, builder.getI64IntegerAttr(value)); }
  Dictionary &add(StringRef key, double value) { return add(key, builder.getF64FloatAttr(value)); }
  Dictionary &add(StringRef key, bool value) { return add(key, builder.getBoolAttr(value)); }
  Dictionary &add(StringRef key, const std::string &value) { return add(key, builder.getStringAttr(value)); }
  Dictionary &add(StringRef key, ArrayRef<int64_t> values) {
    return add(key, Attribute(builder.getI64ArrayAttr(values)));
  }
  Dictionary &add(StringRef key, ArrayRef<double> values) {
    return add(key, Attribute(builder.getF64ArrayAttr(values)));
  }
  Dictionary &add(StringRef key, ArrayRef<std::string> values) {
    SmallVector<StringRef> words(values.begin(), values.end());
    return add(key, Attribute(builder.getStrArrayAttr(words)));
  }
  DictionaryAttr get() { return builder.getDictionaryAttr(entries); }

private:
  Builder builder;
  SmallVector<NamedAttribute> entries;
};

} // namespace

static DictionaryAttr importData(const dsl::DataRecipe &data, MLIRContext &context) {
  return Dictionary(context)
      .add("frames", data.frames)
      .add("every", data.every)
      .add("fps", data.fps)
      .add("start", data.start)
      .add("resize", ArrayRef<int64_t>(data.resize))
      .add("short", data.shortSide)
      .add("crop", ArrayRef<int64_t>(data.crop))
      .add("at", data.at)
      .add("flip", data.flip)
      .add("mean", ArrayRef<double>(data.mean))
      .add("std", ArrayRef<double>(data.std))
      .get();
}

static DictionaryAttr importTrain(const dsl::TrainRecipe &train, MLIRContext &context) {
  return Dictionary(context)
      .add("epochs", train.epochs)
      .add("clips", train.clips)
      .add("batch", train.batch)
      .add("momentum", train.momentum)
      .add("nesterov", train.nesterov)
      .add("decay", train.decay)
      .add("rate", train.rate)
      .add("warmup", train.warmup)
      .add("every", train.every)
      .add("factor", train.factor)
      .add("at", ArrayRef<double>(train.at))
      .add("loss", train.loss)
      .add("smoothing", train.smoothing)
      .add("seed", train.seed)
      .get();
}

static DictionaryAttr importEval(const dsl::EvalRecipe &eval, MLIRContext &context) {
  return Dictionary(context)
      .add("clips", eval.clips)
      .add("segments", eval.segments)
      .add("spread", eval.spread)
      .add("crop", ArrayRef<int64_t>(eval.crop))
      .add("at", eval.at)
      .add("average", eval.average)
      .add("report", ArrayRef<std::string>(eval.report))
      .get();
}

static DictionaryAttr importCompute(const dsl::ComputeRecipe &compute, MLIRContext &context) {
  return Dictionary(context).add("winograd", compute.winograd).get();
}

DictionaryAttr kinema::importRecipe(const dsl::Recipe &recipe, MLIRContext &context) {
  return Dictionary(context)
      .add("data", importData(recipe.data, context))
      .add("train", importTrain(recipe.train, context))
      .add("eval", importEval(recipe.eval, context))
      .add("compute", importCompute(recipe.compute, context))
      .get();
}
