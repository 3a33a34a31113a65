// Treats SIGINT and SIGTERM as requests to stop at the next good moment, and knows when a process that had
// been stopped went on.
#pragma once

#include <chrono>

namespace kinema {

// From this call on, the first SIGINT or SIGTERM is noted. One that comes a second or more after it ends the
// process, as is usual; an earlier one counts as the same request, because timeout(1) and job schedulers
// signal a process and its group. SIGCONT is noted, too.
void catchInterrupts();

// Returns the signal's name, or null where none has come.
const char *interruption();

// Returns when the process last went on after it had been stopped (SIGSTOP, Ctrl-Z): what it was late with
// until then is no one's fault. Without a stop since `catchInterrupts`, it is the clock's beginning.
std::chrono::steady_clock::time_point lastContinuation();

// Pretends, for tests, that the signal has come (0: that none has).
void pretendInterruption(int signal);

} // namespace kinema
