#include "dsl/Check.h"

namespace kinema::dsl {

void check(const Program &program, Diagnostics &diagnostics) {}

} // namespace kinema::dsl
