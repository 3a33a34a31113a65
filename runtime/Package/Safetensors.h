// Reads and writes tensors in the safetensors format (github.com/huggingface/safetensors): an 8 byte length,
// a JSON header, and the tensors' bytes, row-major and little-endian.
#pragma once

#include "runtime/Package/ElementType.h"
#include "runtime/Package/Source.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kinema {

// A FileTensor is a tensor of a file; its elements are row-major.
struct FileTensor {
  std::string name;
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  std::vector<char> bytes; // elementsOf(shape) * bytesOf(type)

  FileTensor() = default;
  // Makes a tensor of zeros.
  FileTensor(std::string name, ElementType type, std::vector<int64_t> shape);

  template <typename T> std::span<T> as() {
    return {reinterpret_cast<T *>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <typename T> std::span<const T> as() const {
    return {reinterpret_cast<const T *>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

// Returns, for instance, "float32 [64, 3, 7]".
std::string describe(ElementType type, std::span<const int64_t> shape);

struct TensorFile {
  std::map<std::string, std::string> metadata; // the header's "__metadata__"
  std::vector<FileTensor> tensors;             // in the order of their bytes

  const FileTensor *find(const std::string &name) const;
};

// Checkpoints have this entry in `metadata` (runtime/Training/Checkpoint.h). Besides weights their tensors
// hold momentum, which is no weight.
inline constexpr const char *checkpointKey = "kinema.checkpoint";
inline bool isCheckpoint(const TensorFile &file) { return file.metadata.contains(checkpointKey); }

// The names of the classes that weights tell apart are in this entry of `metadata`
// (runtime/Training/Checkpoint.h).
inline constexpr const char *classesKey = "classes";

// Reads F32, I32 and I64 tensors as they are, and F16, BF16 and F64 tensors as float32. A file that is cut
// off, whose header lies, or whose tensors overlap throws Error, naming file and tensor.
TensorFile readTensors(const std::string &path);
// Reads tensors from a file's content; messages call the file `origin`.
TensorFile parseTensors(std::string_view content, const std::string &origin);
// Reads and checks the file's header alone; the tensors have no bytes.
TensorFile readTensorHeader(const std::string &path);

// Reads the tensors of a file one by one, so that they need not be in memory together.
class TensorReader {
public:
  // Reads and checks the header; throws Error.
  explicit TensorReader(std::unique_ptr<const Source> source);
  ~TensorReader();
  TensorReader(const TensorReader &) = delete;

  const TensorFile &header() const { return file; } // the tensors have no bytes
  // Returns the elements of a tensor of the header. They are there until the next call.
  std::span<const char> read(const FileTensor &described);

private:
  struct Elements;
  TensorFile file;
  std::unique_ptr<Elements> elements;
  std::vector<char> stored, converted;
};

// Opens a file of tensors for a reader; throws Error, also where it is no regular file.
std::unique_ptr<const Source> openTensors(const std::string &path);

// Returns the content of such a file.
std::string formatTensors(const TensorFile &file);

// Writes the file in full or not at all (AtomicFile). Throws Error.
void writeTensors(const std::string &path, const TensorFile &file);

} // namespace kinema
