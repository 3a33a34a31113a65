// Records a training: one CSV row an epoch, and a picture of the curves.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace kinema {

// An EpochRow is one row. Shares are in [0, 1]. What was not measured is NaN here and an empty field in the
// file.
struct EpochRow {
  static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

  int64_t epoch = 0; // from 1
  double rate = 0;   // of the epoch's last step
  double trainLoss = unknown, trainClipTop1 = unknown;
  double testLoss = unknown, testClipTop1 = unknown, testVideoTop1 = unknown, testVideoTop5 = unknown;
  double clipsPerSecond = 0;
  double waiting = 0;    // share of the time spent waiting for data
  double seconds = 0;    // training and testing together
  double unreadable = 0; // training videos that were left out
};

class CurveWriter {
public:
  // Writes FOLDER/curves.csv and FOLDER/curves.svg. Rows that curves.csv already has are kept up to epoch
  // `lastEpoch`.
  CurveWriter(const std::string &folder, const std::string &title, int64_t lastEpoch = 0);

  // Both files are written anew, each in full or not at all.
  void add(const EpochRow &row);

  const std::vector<EpochRow> &rows() const { return all; }

private:
  std::string folder, title;
  std::vector<EpochRow> all;
};

std::string formatRows(const std::vector<EpochRow> &rows);
// Reads the rows of a curves.csv. Throws Error if the text is no such table.
std::vector<EpochRow> parseRows(const std::string &text, const std::string &origin);
std::string drawCurves(const std::string &title, const std::vector<EpochRow> &rows);

} // namespace kinema
