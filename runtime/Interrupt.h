// SIGINT and SIGTERM as a request to stop at the next good moment.
#pragma once

namespace kinema {

// From now on, the first SIGINT or SIGTERM is noted; the second one ends the process, as is usual.
void catchInterrupts();

// The signal's name, or null where none has come.
const char *interruption();

// For tests: as if the signal had come (0: as if none had).
void pretendInterruption(int signal);

} // namespace kinema
