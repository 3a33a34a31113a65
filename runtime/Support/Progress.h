// How long work is doing: one line that is rewritten on a terminal, a plain line now and then elsewhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace kinema {

struct ProgressState {
  std::string phase;           // "epoch 3/45", "testing"
  int64_t done = 0, total = 0; // clips
  double clipsPerSecond = 0;
  double loss = 0, accuracy = 0; // so far; accuracy in [0, 1]
  double rate = 0;               // learning rate; 0: not shown
  double secondsLeft = -1;       // of the whole work; below 0: not known
  double waiting = 0;            // share of the time spent waiting for data
};

// "epoch 3/45   512/1024 clips  84.2 clips/s  loss 1.234  top-1 45.2%  rate 0.01  waiting 3%  0:12:34 left"
std::string formatProgress(const ProgressState &state);

// "1:02:03".
std::string formatDuration(double seconds);

class Progress {
public:
  // Writes to stderr or another stream. Silent if it is null.
  explicit Progress(std::FILE *stream = stderr);
  ~Progress();

  // Shows the state, if enough time has passed since the last one.
  void update(const ProgressState &state);
  // Says on a terminal what begins now and may take a while.
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
