// The pipeline from `clip` to `step` on a small residual network, in both modes.
// RUN: %kinema-opt %S/../Inputs/residual.mlir --step | FileCheck %s --check-prefixes=CHECK,TRAIN
// RUN: %kinema-opt %S/../Inputs/residual.mlir --step='train=0' | FileCheck %s --check-prefixes=CHECK,INFER

// TRAIN: clip.param @stem.spatial.weight.momentum
// INFER-NOT: role = "momentum"
// CHECK: clip.param @fc.weight : tensor<4x6x1x1x1xf32> {file_shape = array<i64: 4, 6>
// CHECK-NOT: func.func @forward
// CHECK-LABEL: func.func @infer
// CHECK-NOT: clip.batch_norm
// CHECK-NOT: clip.affine
// CHECK-COUNT-5: clip.fold_weight
// INFER-NOT: func.func @train_step
// TRAIN-LABEL: func.func @train_step
// TRAIN-NOT: clip.batch_norm
// TRAIN-COUNT-5: clip.bn_running
// TRAIN-COUNT-5: clip.bn_grad_sums
// TRAIN-COUNT-18: clip.update sgd
// TRAIN-COUNT-46: clip.write
