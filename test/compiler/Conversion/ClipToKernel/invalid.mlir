// RUN: kinema-opt %s --split-input-file --fuse-kernels --verify-diagnostics

// Batch norms are taken apart before.
clip.param @m : tensor<3xf32> {role = "running_mean"}
clip.param @v : tensor<3xf32> {role = "running_var"}
func.func @infer(%z: tensor<2x3x1x4x4xf32>, %c: tensor<3xf32>) -> (tensor<2x3x1x4x4xf32> {clip.name = "y"}) {
  // expected-error @below {{no kernel computes clip.batch_norm yet}}
  %y, %mean, %rstd = clip.batch_norm %z, %c, %c running(@m, @v) {eps = 1.0e-05 : f64, momentum = 0.1 : f64, unbiased} : (tensor<2x3x1x4x4xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3x1x4x4xf32>, tensor<3xf32>, tensor<3xf32>)
  return %y : tensor<2x3x1x4x4xf32>
}
