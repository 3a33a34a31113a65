#include "runtime/Support/Progress.h"

#include "runtime/Support/Clock.h"

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace kinema {
namespace {

// std::fputs writes the lines because it does not throw: work goes on even where nobody can read its
// progress.
constexpr double secondsBetweenDrawings = 0.1, secondsBetweenLines = 10;

size_t columnsOf(std::FILE *stream) {
  winsize size = {};
  return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

} // namespace

std::string formatDuration(double seconds) {
  int64_t whole = std::llround(seconds);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string formatProgress(const ProgressState &state) {
  std::string line =
      fmt::format("{}  {}/{} clips  {:.1f} clips/s  loss {:.4f}  top-1 {:.1f}%", state.phase, state.done,
                  state.total, state.clipsPerSecond, state.loss, 100 * state.accuracy);
  if (state.rate > 0)
    line += fmt::format("  rate {:.3g}", state.rate);
  line += fmt::format("  waiting {:.0f}%", 100 * state.waiting);
  if (state.secondsLeft >= 0)
    line += fmt::format("  {} left", formatDuration(state.secondsLeft));
  return line;
}

std::string formatCount(int64_t done, int64_t total, const std::string &what, double seconds) {
  std::string line = fmt::format("{}/{} {}", done, total, what);
  if (done == 0 || seconds <= 0)
    return line;
  const double rate = static_cast<double>(done) / seconds;
  return line + fmt::format("  {:.1f} {}/s  {} left", rate, what,
                            formatDuration(static_cast<double>(total - done) / rate));
}

Progress::Progress(std::FILE *stream) : stream(stream), terminal(stream && isatty(fileno(stream))) {
  next = now() + (terminal ? 0 : secondsBetweenLines);
}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (drawn)
    std::fputs("\r\x1b[K", stream);
  drawn = false;
}

void Progress::update(const ProgressState &state) { show(formatProgress(state)); }

void Progress::show(const std::string &line) {
  if (!stream || now() < next)
    return;
  next = now() + (terminal ? secondsBetweenDrawings : secondsBetweenLines);
  if (terminal) {
    std::fputs(fmt::format("\r{}\x1b[K", line.substr(0, columnsOf(stream) - 1)).c_str(), stream);
    drawn = true;
  } else {
    std::fputs((line + "\n").c_str(), stream);
  }
  std::fflush(stream);
}

void Progress::begin(const std::string &what) {
  if (terminal)
    note(what + " ...");
}

void Progress::note(const std::string &line) {
  if (!stream)
    return;
  clear();
  std::fputs((line + "\n").c_str(), stream);
  std::fflush(stream);
}

} // namespace kinema
