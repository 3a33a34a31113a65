// Shows how far work has come: as one line that is rewritten on a terminal, or as plain lines now and then
// elsewhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace kinema {

struct ProgressState {
  std::string phase;           // "epoch 3/45", "testing"
  int64_t done = 0, total = 0; // clips
  double clipsPerSecond = 0;
  double loss = 0, accuracy = 0; // of the clips so far; accuracy in [0, 1]
  double rate = 0;               // learning rate; 0: not shown
  double secondsLeft = -1;       // until the whole work is done; below 0: not known
  double waiting = 0;            // share of the time spent waiting for data
};

// Returns, for instance,
// "epoch 3/45   512/1024 clips  84.2 clips/s  loss 1.234  top-1 45.2%  rate 0.01  waiting 3%  0:12:34 left".
std::string formatProgress(const ProgressState &state);

// Returns, for instance, "512/9537 videos  84.2 videos/s  0:01:52 left", after so many seconds.
std::string formatCount(int64_t done, int64_t total, const std::string &what, double seconds);

// Returns, for instance, "1:02:03".
std::string formatDuration(double seconds);

class Progress {
public:
  // Writes to stderr or another stream, or nothing if `stream` is null.
  explicit Progress(std::FILE *stream = stderr);
  ~Progress();

  // These show a state, or a line, if enough time has passed since the last one was shown.
  void update(const ProgressState &state);
  void show(const std::string &line);
  // Says on a terminal which piece of work begins now and may take a while.
  void begin(const std::string &what);
  // Writes a line that stays.
  void note(const std::string &line);

private:
  void clear();
  std::FILE *stream;
  bool terminal;
  bool drawn = false; // the rewritten line is on the screen
  double next = 0;    // time of the next update
};

} // namespace kinema
