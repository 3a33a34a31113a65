// Declares a dialect that the compiler does not know, with an operation that it can compile all the same.
#ifndef KINEMA_TEST_COMPILER_OPERATION_TOY_H
#define KINEMA_TEST_COMPILER_OPERATION_TOY_H

#include "dialects/Clip/Clip.h"

#include "test/compiler/Operation/ToyDialect.h.inc"
#define GET_OP_CLASSES
#include "test/compiler/Operation/ToyOps.h.inc"

#endif
