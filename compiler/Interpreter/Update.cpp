#include "compiler/Interpreter/Update.h"

#include <algorithm>
#include <cmath>

using namespace kinema;
using namespace kinema::numerics;
using clip::HyperField;
using clip::UpdateRule;

Tensor numerics::norm(const std::vector<const Tensor *> &tensors) {
  double sum = 0;
  for (const Tensor *tensor : tensors)
    for (double x : tensor->values)
      sum += x * x;
  return Tensor(std::vector<int64_t>{1}, std::vector<double>{std::sqrt(sum)});
}

namespace {

/// Updates one element: `values` are its weight and states, old and then new; g is its gradient.
class Step {
public:
  Step(const UpdateSettings &settings, const std::vector<double> &norms) : settings(settings) {
    if (settings.form.rule != UpdateRule::Sum) {
      rate = field(HyperField::Rate) * settings.rateFactor;
      decay = field(HyperField::Decay) * settings.decayFactor;
    }
    ends = !settings.form.held || field(HyperField::Apply) != 0;
    applies = ends && (!settings.form.checked || std::isfinite(norms.back()));
    if (settings.form.clipped)
      clip = std::min(1.0, settings.maxNorm / (norms.back() + 1e-6));
    if (settings.form.rule == UpdateRule::Lars && settings.decayFactor != 0 && norms[0] > 0 && norms[1] > 0)
      trust = field(HyperField::Trust) * norms[0] / (clip * norms[1] + decay * norms[0]);
  }

  void operator()(std::vector<double> &values, double g) const {
    if (applies)
      apply(values, clip * g);
    if (ends && settings.form.averaged)
      values.back() += field(HyperField::AverageGain) * (values[0] - values.back());
  }

private:
  double field(HyperField name) const { return settings.field(name); }

  void apply(std::vector<double> &values, double g) const {
    double &w = values[0];
    if (settings.form.rule == UpdateRule::Sum) {
      double keep = field(HyperField::Keep);
      w = (keep == 0 ? 0 : keep * w) + field(HyperField::Share) * g;
    } else if (settings.form.rule == UpdateRule::AdamW) {
      double &m = values[1], &s = values[2];
      m += field(HyperField::MeanGain) * (g - m);
      s += field(HyperField::SquareGain) * (g * g - s);
      double step = field(HyperField::MeanScale) * m /
                    (std::sqrt(s) * field(HyperField::SquareScale) + field(HyperField::Epsilon));
      w -= rate * decay * w + rate * step;
    } else if (settings.form.rule == UpdateRule::Lars) {
      double &v = values[1];
      v = field(HyperField::Momentum) * v + rate * trust * (g + decay * w);
      w -= v;
    } else {
      double &v = values[1], momentum = field(HyperField::Momentum);
      g += decay * w;
      v = momentum * v + g;
      w -= rate * (field(HyperField::Nesterov) != 0 ? g + momentum * v : v);
    }
  }

  const UpdateSettings &settings;
  bool ends = true, applies = true; // a batch may end an update that is left out
  double rate = 0, decay = 0, clip = 1, trust = 1;
};

} // namespace

std::vector<Tensor> numerics::update(const std::vector<const Tensor *> &tensors,
                                     const UpdateSettings &settings) {
  size_t kept = 1 + settings.form.states().size();
  std::vector<double> norms;
  for (size_t i = kept + 1; i < tensors.size(); ++i)
    norms.push_back(tensors[i]->values[0]);
  Step step(settings, norms);
  std::vector<Tensor> results;
  for (size_t i = 0; i < kept; ++i)
    results.push_back(*tensors[i]);
  std::vector<double> values(kept);
  for (size_t at = 0; at < tensors[0]->values.size(); ++at) {
    for (size_t i = 0; i < kept; ++i)
      values[i] = tensors[i]->values[at];
    step(values, tensors[kept]->values[at]);
    for (size_t i = 0; i < kept; ++i)
      results[i].values[at] = values[i];
  }
  return results;
}
