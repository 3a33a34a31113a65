// The kernels of a linear classifier, as the compiler would write them into a package: what the runtime's
// tests run. Weights are stored transposed and padded, [18, 4] for 3 classes.
#include <math.h>
#include <stdint.h>

enum { clips = 4, features = 18, classes = 3, padded = 4 };

// args: input [N, F], weight, bias, logits [N, C]. A block is a clip.
void forward(void *const *args, int64_t begin, int64_t end, void *scratch) {
  const float *input = args[0], *weight = args[1], *bias = args[2];
  float *logits = args[3], *sums = scratch;
  for (int64_t n = begin; n < end; ++n) {
    for (int c = 0; c < classes; ++c)
      sums[c] = bias[c];
    for (int f = 0; f < features; ++f)
      for (int c = 0; c < classes; ++c)
        sums[c] += input[n * features + f] * weight[f * padded + c];
    for (int c = 0; c < classes; ++c)
      logits[n * classes + c] = sums[c];
  }
}

// args: logits, labels [N], loss [], gradient of the logits [N, C], input, running mean [1]. One block.
void loss(void *const *args, int64_t begin, int64_t end, void *scratch) {
  const float *logits = args[0], *input = args[4];
  const int32_t *labels = args[1];
  float *total = args[2], *gradient = args[3], *mean = args[5];
  int counted = 0;
  for (int n = 0; n < clips; ++n)
    counted += labels[n] >= 0;
  *total = 0;
  for (int n = 0; n < clips; ++n) {
    const float *row = logits + n * classes;
    float largest = row[0], sum = 0;
    for (int c = 1; c < classes; ++c)
      largest = fmaxf(largest, row[c]);
    for (int c = 0; c < classes; ++c)
      sum += expf(row[c] - largest);
    for (int c = 0; c < classes; ++c)
      gradient[n * classes + c] =
          labels[n] < 0 ? 0 : (expf(row[c] - largest) / sum - (c == labels[n])) / (float)counted;
    if (labels[n] >= 0)
      *total += (logf(sum) + largest - row[labels[n]]) / (float)counted;
  }
  float average = 0;
  for (int i = 0; i < clips * features; ++i)
    average += input[i] / (clips * features);
  *mean = 0.9f * *mean + 0.1f * average;
}

// args: gradient of the logits, input, grad.weight [C, F], grad.bias [C]. A block is a class.
void backward(void *const *args, int64_t begin, int64_t end, void *scratch) {
  const float *gradient = args[0], *input = args[1];
  float *weight = args[2], *bias = args[3];
  for (int64_t c = begin; c < end; ++c) {
    bias[c] = 0;
    for (int f = 0; f < features; ++f)
      weight[c * features + f] = 0;
    for (int n = 0; n < clips; ++n) {
      bias[c] += gradient[n * classes + c];
      for (int f = 0; f < features; ++f)
        weight[c * features + f] += gradient[n * classes + c] * input[n * features + f];
    }
  }
}

static void step(const float *hyper, float *value, float *velocity, float gradient) {
  gradient += hyper[3] * *value;
  *velocity = hyper[1] * *velocity + gradient;
  *value -= hyper[0] * (hyper[2] != 0 ? gradient + hyper[1] * *velocity : *velocity);
}

// args: grad.weight, grad.bias, hyper, weight, its momentum, bias, its momentum. A block is a class.
void update(void *const *args, int64_t begin, int64_t end, void *scratch) {
  const float *gradWeight = args[0], *gradBias = args[1], *hyper = args[2];
  float *weight = args[3], *weightMomentum = args[4], *bias = args[5], *biasMomentum = args[6];
  for (int64_t c = begin; c < end; ++c) {
    for (int f = 0; f < features; ++f)
      step(hyper, &weight[f * padded + c], &weightMomentum[f * padded + c], gradWeight[c * features + f]);
    step(hyper, &bias[c], &biasMomentum[c], gradBias[c]);
  }
}
