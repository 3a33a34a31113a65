// SIGINT and SIGTERM as a request to stop at the next good moment.
#pragma once

namespace kinema {

// From now on, the first SIGINT or SIGTERM is noted. One that comes a second or more after it ends the
// process, as is usual; before that it is the same request: timeout(1) and schedulers of jobs signal a
// process and its group.
void catchInterrupts();

// The signal's name, or null where none has come.
const char *interruption();

// For tests: as if the signal had come (0: as if none had).
void pretendInterruption(int signal);

} // namespace kinema
