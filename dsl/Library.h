// Contains the files of models/lib and of models as they were when the compiler was built.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace kinema::dsl {

struct LibraryFile {
  llvm::StringLiteral name; // the name as in `use`
  llvm::StringLiteral text;
};

/// Returns the files sorted by name; "prelude" is one of them.
llvm::ArrayRef<LibraryFile> library();
/// Returns the networks of models/, likewise.
llvm::ArrayRef<LibraryFile> models();

} // namespace kinema::dsl
