// Treats SIGINT and SIGTERM as requests to stop at the next good moment.
#pragma once

namespace kinema {

// From this call on, the first SIGINT or SIGTERM is noted. One that comes a second or more after it ends the
// process, as is usual; an earlier one counts as the same request, because timeout(1) and job schedulers
// signal a process and its group.
void catchInterrupts();

// Returns the signal's name, or null where none has come.
const char *interruption();

// Pretends, for tests, that the signal has come (0: that none has).
void pretendInterruption(int signal);

} // namespace kinema
