#include "runtime/Data/MotionTextures.h"

#include "runtime/Data/VideoReader.h"
#include "runtime/Support/Digest.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace kinema {

namespace fs = std::filesystem;

static std::vector<std::string> picturesBelow(const std::string &folder) {
  if (!fs::is_directory(folder))
    refuse("{}: there is no such folder of pictures", folder);
  std::vector<std::string> files;
  for (const fs::directory_entry &entry : fs::recursive_directory_iterator(folder)) {
    std::string extension = entry.path().extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    if (entry.is_regular_file() &&
        (extension == ".jpg" || extension == ".jpeg" || extension == ".png" || extension == ".webp"))
      files.push_back(entry.path().string());
  }
  if (files.size() < 2)
    refuse("{}: holds {} pictures (.jpg, .jpeg, .png, .webp); backgrounds need at least two, one for "
           "training and one for tests",
           folder, files.size());
  std::sort(files.begin(), files.end());
  return files;
}

MotionTextures::MotionTextures(const std::string &folder, PictureSize frame) {
  for (const std::string &file : picturesBelow(folder)) {
    VideoReader reader(file);
    const VideoInfo &info = reader.info();
    const double scale = std::max(2.0 * frame.height / info.height, 2.0 * frame.width / info.width);
    Texture texture;
    texture.size = {static_cast<int>(std::ceil(info.height * scale)),
                    static_cast<int>(std::ceil(info.width * scale))};
    if (texture.size.height > 16 * frame.height || texture.size.width > 16 * frame.width)
      refuse("{}: is {} x {} pixels: too long and narrow for a background", file, info.height, info.width);
    texture.rgb.resize(static_cast<size_t>(texture.size.height) * texture.size.width * 3);
    const int64_t first[] = {0};
    reader.read(first, texture.size.height, texture.size.width, texture.rgb.data());
    textures.push_back(std::move(texture));
  }
}

std::vector<const Texture *> MotionTextures::of(int part) const {
  std::vector<const Texture *> chosen;
  for (size_t i = static_cast<size_t>(part); i < textures.size(); i += 2)
    chosen.push_back(&textures[i]);
  return chosen;
}

std::string MotionTextures::digest() const {
  Digest digest;
  for (const Texture &texture : textures)
    digest.add({reinterpret_cast<const char *>(texture.rgb.data()), texture.rgb.size()});
  return digest.text();
}

} // namespace kinema
