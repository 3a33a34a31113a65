// RUN: not kinema-opt %s --merge-launches=parameters-per-launch=0 2>&1 | FileCheck %s
// RUN: not kinema-opt %s --merge-launches=parameters-per-launch=101 2>&1 | FileCheck %s

// CHECK: error: parameters-per-launch is {{0|101}}, expected a number from 1 to 100
module {
}
