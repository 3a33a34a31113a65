#include "runtime/Package/Safetensors.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Floats.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>
#include <tuple>

using nlohmann::json;

namespace kinema {
namespace {

constexpr uint64_t longestHeader = 100'000'000; // the reference implementation's limit

// Reads `count` elements of a type that only files have as float32.
template <typename Stored, float (*toFloat)(Stored)>
void widen(const char *stored, int64_t count, float *values) {
  for (int64_t i = 0; i < count; ++i) {
    Stored element;
    std::memcpy(&element, stored + i * static_cast<int64_t>(sizeof element), sizeof element);
    values[i] = toFloat(element);
  }
}
float fromF64(double value) { return static_cast<float>(value); }

// A StoredType is a type that tensors have in files. Those that `widen` converts become another one in
// memory.
struct StoredType {
  const char *name;
  int64_t bytes;
  ElementType type;
  void (*convert)(const char *, int64_t, float *) = nullptr;
};
// Those that tensors have in memory come first, in the order of ElementType.
constexpr StoredType storedTypes[] = {{"F32", 4, ElementType::F32},
                                      {"I32", 4, ElementType::I32},
                                      {"I64", 8, ElementType::I64},
                                      {"F16", 2, ElementType::F32, widen<uint16_t, fromF16>},
                                      {"BF16", 2, ElementType::F32, widen<uint16_t, fromBF16>},
                                      {"F64", 8, ElementType::F32, widen<double, fromF64>}};

// A HeaderEntry is what the header says of a tensor. [begin, end) counts from the end of the header.
struct HeaderEntry {
  FileTensor tensor;
  const StoredType *stored = nullptr;
  uint64_t begin = 0, end = 0;
};

json parseHeader(const std::string &path, const std::string &text) {
  std::set<std::string> seen;
  std::string twice;
  auto noteKeys = [&](int depth, json::parse_event_t event, json &value) {
    if (event == json::parse_event_t::key && depth == 1 && !seen.insert(value.get<std::string>()).second)
      twice = value.get<std::string>();
    return true;
  };
  try {
    json header = json::parse(text, noteKeys);
    if (!twice.empty())
      fail("{}: tensor {} occurs twice", path, twice);
    if (!header.is_object())
      fail("{} is no safetensors file: its header is {}, not a JSON object", path, header.type_name());
    return header;
  } catch (const json::exception &) {
    fail("{} is no safetensors file: its header is not valid JSON", path);
  }
}

const StoredType &parseType(const std::string &path, const std::string &name, const json &entry) {
  auto type = entry.find("dtype");
  if (type == entry.end() || !type->is_string())
    fail("{}: tensor {} has no dtype", path, name);
  for (const StoredType &known : storedTypes)
    if (*type == known.name)
      return known;
  fail("{}: tensor {} is {}; F32, F16, BF16, F64, I32 and I64 can be read", path, name,
       type->get<std::string>());
}

HeaderEntry parseEntry(const std::string &path, const std::string &name, const json &entry,
                       uint64_t dataBytes) {
  if (!entry.is_object())
    fail("{}: the header's entry of tensor {} is no object", path, name);
  HeaderEntry parsed;
  parsed.tensor.name = name;
  parsed.stored = &parseType(path, name, entry);
  parsed.tensor.type = parsed.stored->type;
  auto isCount = [](const json &value) { return value.is_number_unsigned(); };
  auto shape = entry.find("shape"), offsets = entry.find("data_offsets");
  if (shape == entry.end() || !shape->is_array() || !std::all_of(shape->begin(), shape->end(), isCount))
    fail("{}: tensor {} has no valid shape", path, name);
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2 || !isCount((*offsets)[0]) ||
      !isCount((*offsets)[1]))
    fail("{}: tensor {} has no valid data_offsets", path, name);

  parsed.begin = (*offsets)[0].get<uint64_t>();
  parsed.end = (*offsets)[1].get<uint64_t>();
  if (parsed.begin > parsed.end || parsed.end > dataBytes)
    fail("{}: tensor {} is said to lie at bytes {} to {} of {}: the file is cut off or damaged", path, name,
         parsed.begin, parsed.end, dataBytes);
  unsigned __int128 bytes = parsed.stored->bytes;
  for (const json &size : *shape) {
    bytes =
        std::min<unsigned __int128>(bytes * size.get<uint64_t>(), UINT64_MAX); // cannot overflow: both < 2^64
    parsed.tensor.shape.push_back(static_cast<int64_t>(std::min<uint64_t>(size.get<uint64_t>(), INT64_MAX)));
  }
  if (bytes != parsed.end - parsed.begin)
    fail("{}: tensor {} {} [{}] does not fit into its {} bytes", path, name, parsed.stored->name,
         fmt::join(parsed.tensor.shape, ", "), parsed.end - parsed.begin);
  return parsed;
}

std::map<std::string, std::string> parseMetadata(const std::string &path, const json &header) {
  std::map<std::string, std::string> metadata;
  auto found = header.find("__metadata__");
  if (found == header.end())
    return metadata;
  if (!found->is_object())
    fail("{}: __metadata__ is no object", path);
  for (const auto &[key, value] : found->items()) {
    if (!value.is_string())
      fail("{}: __metadata__ {} is no string", path, key);
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// Checks that the tensors fill the data without gap or overlap, as the format demands.
void checkCoverage(const std::string &path, const std::vector<HeaderEntry> &entries, uint64_t dataBytes) {
  uint64_t end = 0;
  for (const HeaderEntry &entry : entries) {
    if (entry.begin < end)
      fail("{}: tensor {} overlaps the one before it", path, entry.tensor.name);
    if (entry.begin > end)
      fail("{}: {} bytes before tensor {} belong to no tensor", path, entry.begin - end, entry.tensor.name);
    end = entry.end;
  }
  if (end != dataBytes)
    fail("{}: {} bytes at the end belong to no tensor", path, dataBytes - end);
}

} // namespace

FileTensor::FileTensor(std::string name, ElementType type, std::vector<int64_t> shape)
    : name(std::move(name)), type(type), shape(std::move(shape)),
      bytes(elementsOf(this->shape) * bytesOf(type)) {}

std::string describe(ElementType type, std::span<const int64_t> shape) {
  return fmt::format("{} [{}]", nameOf(type), fmt::join(shape, ", "));
}

const FileTensor *TensorFile::find(const std::string &name) const {
  auto found = std::find_if(tensors.begin(), tensors.end(),
                            [&](const FileTensor &tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

// Reads the header; throws Error. The entries are those of the tensors, in their order.
static TensorFile readHeader(const Source &source, std::vector<HeaderEntry> &entries, uint64_t &dataBegin) {
  const std::string &path = source.name;
  const auto bytes = static_cast<uint64_t>(source.bytes);
  uint64_t headerBytes = 0;
  if (bytes < sizeof headerBytes)
    fail("{} is no safetensors file: it has {} bytes", path, bytes);
  source.read(0, &headerBytes, sizeof headerBytes);
  if (headerBytes > longestHeader || headerBytes > bytes - sizeof headerBytes)
    fail("{} is no safetensors file, or cut off: a header of {} bytes in a file of {}", path, headerBytes,
         bytes);
  dataBegin = sizeof headerBytes + headerBytes;
  json header = parseHeader(path, source.read(sizeof headerBytes, static_cast<int64_t>(headerBytes)));
  for (const auto &[name, entry] : header.items())
    if (name != "__metadata__")
      entries.push_back(parseEntry(path, name, entry, bytes - dataBegin));
  std::sort(entries.begin(), entries.end(), [](const HeaderEntry &a, const HeaderEntry &b) {
    return std::tie(a.begin, a.end, a.tensor.name) < std::tie(b.begin, b.end, b.tensor.name);
  });
  checkCoverage(path, entries, bytes - dataBegin);
  TensorFile file;
  file.metadata = parseMetadata(path, header);
  for (const HeaderEntry &entry : entries)
    file.tensors.push_back(entry.tensor);
  return file;
}

struct TensorReader::Elements {
  std::unique_ptr<const Source> source;
  std::vector<HeaderEntry> entries;
  uint64_t dataBegin = 0;
};

TensorReader::TensorReader(std::unique_ptr<const Source> source) : elements(std::make_unique<Elements>()) {
  elements->source = std::move(source);
  file = readHeader(*elements->source, elements->entries, elements->dataBegin);
}

TensorReader::~TensorReader() = default;

std::span<const char> TensorReader::read(const FileTensor &described) {
  const HeaderEntry &entry = elements->entries.at(&described - file.tensors.data());
  const auto bytes = static_cast<int64_t>(entry.end - entry.begin);
  stored.resize(std::max<size_t>(stored.size(), bytes));
  elements->source->read(static_cast<int64_t>(elements->dataBegin + entry.begin), stored.data(), bytes);
  if (!entry.stored->convert)
    return std::span(stored).first(bytes);
  const int64_t count = bytes / entry.stored->bytes;
  converted.resize(std::max<size_t>(converted.size(), count * bytesOf(described.type)));
  entry.stored->convert(stored.data(), count, reinterpret_cast<float *>(converted.data()));
  return std::span(converted).first(count * bytesOf(described.type));
}

std::unique_ptr<const Source> openTensors(const std::string &path) {
  if (std::error_code none; std::filesystem::exists(path, none) && !std::filesystem::is_regular_file(path))
    fail("cannot read {}: it is {}", path,
         std::filesystem::is_directory(path) ? "a directory" : "not a regular file");
  return openFile(path);
}

static TensorFile readAll(std::unique_ptr<const Source> source) {
  TensorReader reader(std::move(source));
  TensorFile file = reader.header();
  for (size_t i = 0; i < file.tensors.size(); ++i) {
    std::span<const char> bytes = reader.read(reader.header().tensors[i]);
    file.tensors[i].bytes.assign(bytes.begin(), bytes.end());
  }
  return file;
}

TensorFile readTensors(const std::string &path) { return readAll(openTensors(path)); }

TensorFile readTensorHeader(const std::string &path) { return TensorReader(openTensors(path)).header(); }

TensorFile parseTensors(std::string_view content, const std::string &origin) {
  return readAll(sourceOfView(content, origin));
}

// Returns the file's first bytes: the header's length, and the header.
static std::string headerOf(const TensorFile &file) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!file.metadata.empty())
    header["__metadata__"] = file.metadata;
  uint64_t offset = 0;
  for (const FileTensor &tensor : file.tensors) {
    uint64_t end = offset + tensor.bytes.size();
    header[tensor.name] = {{"dtype", storedTypes[static_cast<int>(tensor.type)].name},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' '); // so that the tensors are aligned
  const uint64_t bytes = text.size();
  return std::string(reinterpret_cast<const char *>(&bytes), sizeof bytes) + text;
}

std::string formatTensors(const TensorFile &file) {
  std::string content = headerOf(file);
  for (const FileTensor &tensor : file.tensors)
    content.append(tensor.bytes.data(), tensor.bytes.size());
  return content;
}

void writeTensors(const std::string &path, const TensorFile &file) {
  AtomicFile output(path);
  output.write(headerOf(file));
  for (const FileTensor &tensor : file.tensors)
    output.write(tensor.bytes.data(), tensor.bytes.size());
  output.commit();
}

} // namespace kinema
