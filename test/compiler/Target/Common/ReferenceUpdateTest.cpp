// Updates and norms against the interpreter.
#include "compiler/Interpreter/Update.h"
#include "test/compiler/Target/Common/ReferenceHarness.h"

#include "llvm/ADT/StringExtras.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>

// Here `Tensor` is that of the harness, in f32; the interpreter's, in f64, is kinema::Tensor.
namespace kinema::testing {
namespace {

std::string joined(const std::vector<std::string> &types) { return llvm::join(types, ", "); }

std::vector<kinema::Tensor> inDouble(const std::vector<Tensor> &tensors) {
  std::vector<kinema::Tensor> exact;
  for (const Tensor &tensor : tensors)
    exact.emplace_back(tensor.shape, std::vector<double>(tensor.values.begin(), tensor.values.end()));
  return exact;
}

Tensor inFloat(const kinema::Tensor &tensor) {
  return {tensor.shape, std::vector<float>(tensor.values.begin(), tensor.values.end())};
}

std::vector<const kinema::Tensor *> pointersTo(const std::vector<kinema::Tensor> &tensors) {
  std::vector<const kinema::Tensor *> pointers;
  for (const kinema::Tensor &tensor : tensors)
    pointers.push_back(&tensor);
  return pointers;
}

/// Compares an update of one parameter with the interpreter's.
void expectUpdate(const clip::UpdateForm &form, const std::string &attributes, double rateFactor = 1,
                  double decayFactor = 1) {
  SCOPED_TRACE(clip::stringifyUpdateRule(form.rule).str() + attributes);
  const std::vector<int64_t> shape = {45, 3, 1, 3, 3};
  std::vector<std::string> types(2 + form.states().size(), weight(shape));
  std::vector<Tensor> operands;
  for (size_t i = 0; i < types.size(); ++i)
    operands.push_back(random(shape, i));
  if (form.rule == clip::UpdateRule::AdamW)
    for (float &square : operands[2].values)
      square = std::abs(square);
  std::vector<std::string> resultTypes(types.begin(), types.end() - 1);
  for (unsigned i = 0; i < form.norms() + (form.clipped ? 1 : 0); ++i) {
    types.push_back(plain({1}));
    operands.push_back(filled({1}, 2.5f + float(i)));
  }
  std::string fields;
  Tensor hyper = filled({int64_t(form.fields().size())}, 0);
  for (auto [i, field] : llvm::enumerate(form.fields())) {
    fields += (i ? ", " : "") + clip::stringifyHyperField(field).str();
    hyper.values[i] = 0.125f + 0.0625f * float(i);
  }
  types.push_back("tensor<" + std::to_string(hyper.values.size()) + "xf32, #clip.hyper<" + fields + ">>");
  operands.push_back(hyper);
  std::string names;
  std::map<unsigned, unsigned> inPlace;
  for (size_t i = 0; i < operands.size(); ++i)
    names += (i ? ", %o" : "%o") + std::to_string(i);
  for (unsigned i = 0; i < resultTypes.size(); ++i)
    inPlace[i] = i;
  ReferenceKernel kernel(kernelText(types,
                                    "kernel.update " + clip::stringifyUpdateRule(form.rule).str() + " " +
                                        names + attributes + " : (" + joined(types) + ") -> (" +
                                        joined(resultTypes) + ")",
                                    resultTypes));
  std::vector<kinema::Tensor> exact = inDouble(operands);
  exact.pop_back(); // the hyper
  auto wanted = numerics::update(
      pointersTo(exact), {.form = form,
                          .field =
                              [&](clip::HyperField field) {
                                auto fields = form.fields();
                                return double(hyper.values[llvm::find(fields, field) - fields.begin()]);
                              },
                          .rateFactor = rateFactor,
                          .decayFactor = decayFactor,
                          .maxNorm = 0.5});
  auto results = kernel.run(operands, inPlace);
  ASSERT_EQ(results.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i)
    expectNear(results[i], inFloat(wanted[i]), 2e-6);
}
} // namespace

TEST(ReferenceUpdate, AllRulesAndWhatIsDoneBesideThem) {
  using Rule = clip::UpdateRule;
  for (Rule rule : {Rule::Sgd, Rule::AdamW, Rule::Lars}) {
    expectUpdate({rule}, "");
    expectUpdate({rule}, " {rate_factors = array<f64: 0.5>, decay_factors = array<f64: 0.0>}", 0.5, 0);
    expectUpdate({rule, /*clipped=*/true, /*averaged=*/true}, " {averaged, max_norm = 0.5}");
    expectUpdate({.rule = rule, .averaged = true, .held = true}, " {averaged, held}");
    expectUpdate({.rule = rule, .clipped = true, .averaged = true, .held = true, .checked = true},
                 " {averaged, checked, held, max_norm = 0.5}");
  }
  expectUpdate({Rule::Sum}, "");
}

namespace {
/// Makes SGD on one parameter, by a gradient that is checked.
ReferenceKernel checkedSgd(const std::string &type) {
  std::string hyper = "tensor<5xf32, #clip.hyper<rate, momentum, nesterov, decay, apply>>", norm = plain({1});
  std::vector<std::string> types = {type, type, type, norm, hyper};
  return ReferenceKernel(kernelText(
      types,
      "kernel.update sgd %o0, %o1, %o2, %o3, %o4 {checked, held, max_norm = 0x7FF0000000000000 : f64} : (" +
          joined(types) + ") -> (" + joined({type, type}) + ")",
      {type, type}));
}
} // namespace

TEST(ReferenceUpdate, LeavesAllAsItIsWhereGradientsAreNotFinite) {
  std::string type = weight({7, 3, 1, 1, 1});
  ReferenceKernel kernel = checkedSgd(type);
  Tensor w = random({7, 3, 1, 1, 1}, 1), v = random({7, 3, 1, 1, 1}, 2);
  const Tensor hyper{{5}, {0.1f, 0.9f, 0, 0.1f, 1}};
  for (float norm : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    auto results = kernel.run({w, v, filled(w.shape, norm), Tensor{{1}, {norm}}, hyper}, {{0, 0}, {1, 1}});
    EXPECT_EQ(results[0].values, w.values);
    EXPECT_EQ(results[1].values, v.values);
  }
  auto results = kernel.run({w, v, w, Tensor{{1}, {1e30f}}, hyper}, {{0, 0}, {1, 1}});
  for (size_t i = 0; i < w.values.size(); ++i) // an infinite max_norm clips nothing
    EXPECT_NEAR(results[1].values[i], 0.9f * v.values[i] + 1.1f * w.values[i], 1e-6f);
}

TEST(ReferenceUpdate, AveragesTheWeightThatAnUpdateLeaves) {
  std::string type = weight({7, 3, 1, 1, 1}), norm = plain({1}),
              hyper = "tensor<6xf32, #clip.hyper<rate, momentum, nesterov, decay, average_gain, apply>>";
  std::vector<std::string> types = {type, type, type, type, norm, hyper};
  ReferenceKernel kernel(kernelText(
      types,
      "kernel.update sgd %o0, %o1, %o2, %o3, %o4, %o5 {averaged, checked, held, max_norm = 0.5 : f64} : (" +
          joined(types) + ") -> (" + joined({type, type, type}) + ")",
      {type, type, type}));
  Tensor w = random({7, 3, 1, 1, 1}, 1), v = random({7, 3, 1, 1, 1}, 2), zero = filled(w.shape, 0);
  const float infinite = std::numeric_limits<float>::infinity();
  for (float apply : {1.0f, 0.0f}) {
    auto results = kernel.run({w, v, zero, filled(w.shape, infinite), Tensor{{1}, {infinite}},
                               Tensor{{6}, {0.1f, 0.9f, 0, 0.1f, 1, apply}}},
                              {{0, 0}, {1, 1}, {2, 2}});
    EXPECT_EQ(results[0].values, w.values);
    EXPECT_EQ(results[2].values, apply != 0 ? w.values : zero.values);
  }
}

TEST(ReferenceUpdate, KeepsNothingOfASumThatIsNotFinite) {
  std::string type = weight({7, 3, 1, 1, 1}), hyper = "tensor<2xf32, #clip.hyper<keep, share>>";
  ReferenceKernel kernel(kernelText(
      {type, type, hyper},
      "kernel.update sum %o0, %o1, %o2 : (" + joined({type, type, hyper}) + ") -> (" + type + ")", {type}));
  Tensor g = random({7, 3, 1, 1, 1}, 1);
  Tensor broken = filled(g.shape, std::numeric_limits<float>::infinity());
  EXPECT_EQ(kernel.run({broken, g, Tensor{{2}, {0, 1}}}, {{0, 0}})[0].values, g.values);
}

TEST(ReferenceUpdate, LeavesAllAsItIsWhileHeld) {
  std::string type = weight({7, 3, 1, 1, 1}),
              hyper = "tensor<5xf32, #clip.hyper<rate, momentum, nesterov, decay, apply>>";
  ReferenceKernel kernel(kernelText({type, type, type, hyper},
                                    "kernel.update sgd %o0, %o1, %o2, %o3 {held} : (" +
                                        joined({type, type, type, hyper}) + ") -> (" + type + ", " + type +
                                        ")",
                                    {type, type}));
  Tensor w = random({7, 3, 1, 1, 1}, 1), v = random({7, 3, 1, 1, 1}, 2);
  auto results = kernel.run({w, v, w, Tensor{{5}, {0.1f, 0.9f, 0, 0.1f, 0}}}, {{0, 0}, {1, 1}});
  EXPECT_EQ(results[0].values, w.values);
  EXPECT_EQ(results[1].values, v.values);
}

TEST(ReferenceNorms, OfPiecesAndOfAllTogether) {
  Tensor x = random({45, 33, 1, 3, 3}, 1), y = random({7}, 2);
  std::string three = plain({3}), one = plain({1});
  auto normOf = [](const std::vector<Tensor> &tensors) {
    return numerics::norm(pointersTo(inDouble(tensors))).values[0];
  };
  std::vector<std::string> types = {weight(x.shape), plain(y.shape)};
  ReferenceKernel pieces(kernelText(
      types, "kernel.norms %o0, %o1 : " + joined(types) + " -> " + joined({three, one}), {three, one}));
  auto results = pieces.run({x, y});
  EXPECT_NEAR(normOf({results[0]}), normOf({x}), 1e-5 * normOf({x}));
  EXPECT_NEAR(results[1].values[0], normOf({y}), 1e-6);
  for (float piece : results[0].values)
    EXPECT_GT(piece, 0.4 * normOf({x})) << "the pieces are of about one size";
  ReferenceKernel together(kernelText(
      {three, one}, "kernel.norms %o0, %o1 {together} : " + joined({three, one}) + " -> " + one, {one}));
  EXPECT_NEAR(together.run(results)[0].values[0], normOf({x, y}), 1e-5 * normOf({x, y}));
}

} // namespace kinema::testing
