// Names the files that a training leaves in its folder.
#pragma once

#include <string>

namespace kinema::run_files {

inline constexpr char last[] = "last.safetensors"; // the checkpoint from which a run goes on
inline constexpr char best[] = "best.safetensors";
inline constexpr char curves[] = "curves.csv";
inline constexpr char curvesPicture[] = "curves.svg";
inline constexpr char steps[] = "steps.jsonl";
inline constexpr char events[] = "events.out.tfevents.kinema";
inline constexpr char package[] = "network.kinema"; // not in the folder of a built trainer, which carries it
inline constexpr char weights[] = "weights.txt";    // where values of a training with --partial are from
inline constexpr char test[] = "test";              // folder of what the last test found

inline std::string in(const std::string &folder, const char *name) { return folder + "/" + name; }

} // namespace kinema::run_files
