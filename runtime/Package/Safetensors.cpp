#include "runtime/Package/Safetensors.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <tuple>

using nlohmann::json;

namespace kinema {
namespace {

constexpr uint64_t longestHeader = 100'000'000; // the reference implementation's limit

// A HeaderEntry is what the header says of a tensor. [begin, end) counts from the end of the header.
struct HeaderEntry {
  FileTensor tensor;
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

ElementType parseType(const std::string &path, const std::string &name, const json &entry) {
  auto type = entry.find("dtype");
  if (type == entry.end() || !type->is_string())
    fail("{}: tensor {} has no dtype", path, name);
  if (*type == "F32")
    return ElementType::F32;
  if (*type == "I32")
    return ElementType::I32;
  if (*type == "I64")
    return ElementType::I64;
  fail("{}: tensor {} is {}; F32, I32 and I64 can be read", path, name, type->get<std::string>());
}

HeaderEntry parseEntry(const std::string &path, const std::string &name, const json &entry,
                       uint64_t dataBytes) {
  if (!entry.is_object())
    fail("{}: the header's entry of tensor {} is no object", path, name);
  HeaderEntry parsed;
  parsed.tensor.name = name;
  parsed.tensor.type = parseType(path, name, entry);
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
  unsigned __int128 bytes = bytesOf(parsed.tensor.type);
  for (const json &size : *shape) {
    bytes =
        std::min<unsigned __int128>(bytes * size.get<uint64_t>(), UINT64_MAX); // cannot overflow: both < 2^64
    parsed.tensor.shape.push_back(static_cast<int64_t>(std::min<uint64_t>(size.get<uint64_t>(), INT64_MAX)));
  }
  if (bytes != parsed.end - parsed.begin)
    fail("{}: tensor {} {} does not fit into its {} bytes", path, name,
         describe(parsed.tensor.type, parsed.tensor.shape), parsed.end - parsed.begin);
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

// Reads the header and, with `elements`, the tensors' bytes. `file` stands at its end, which tells its size.
static TensorFile readStream(std::istream &file, const std::string &path, bool elements) {
  uint64_t fileBytes = file.tellg();
  uint64_t headerBytes = 0;
  file.seekg(0);
  if (fileBytes < sizeof(headerBytes) ||
      !file.read(reinterpret_cast<char *>(&headerBytes), sizeof(headerBytes)))
    fail("{} is no safetensors file: it has {} bytes", path, fileBytes);
  if (headerBytes > longestHeader || headerBytes > fileBytes - sizeof(headerBytes))
    fail("{} is no safetensors file, or cut off: a header of {} bytes in a file of {}", path, headerBytes,
         fileBytes);
  std::string text(headerBytes, '\0');
  if (!file.read(text.data(), text.size()))
    fail("cannot read {}: {}", path, std::strerror(errno));

  json header = parseHeader(path, text);
  uint64_t dataBytes = fileBytes - sizeof(headerBytes) - headerBytes;
  std::vector<HeaderEntry> entries;
  for (const auto &[name, entry] : header.items())
    if (name != "__metadata__")
      entries.push_back(parseEntry(path, name, entry, dataBytes));
  std::sort(entries.begin(), entries.end(), [](const HeaderEntry &a, const HeaderEntry &b) {
    return std::tie(a.begin, a.end, a.tensor.name) < std::tie(b.begin, b.end, b.tensor.name);
  });
  checkCoverage(path, entries, dataBytes);

  TensorFile result;
  result.metadata = parseMetadata(path, header);
  for (HeaderEntry &entry : entries) {
    entry.tensor.bytes.resize(elements ? entry.end - entry.begin : 0);
    if (!file.read(entry.tensor.bytes.data(), entry.tensor.bytes.size()) && !entry.tensor.bytes.empty())
      fail("cannot read tensor {} of {}: {}", entry.tensor.name, path, std::strerror(errno));
    result.tensors.push_back(std::move(entry.tensor));
  }
  return result;
}

static TensorFile readPath(const std::string &path, bool elements) {
  if (std::error_code none; std::filesystem::exists(path, none) && !std::filesystem::is_regular_file(path))
    fail("cannot read {}: it is {}", path,
         std::filesystem::is_directory(path) ? "a directory" : "not a regular file");
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file)
    fail("cannot read {}: {}", path, std::strerror(errno));
  return readStream(file, path, elements);
}

TensorFile readTensors(const std::string &path) { return readPath(path, /*elements=*/true); }

TensorFile readTensorHeader(const std::string &path) { return readPath(path, /*elements=*/false); }

TensorFile parseTensors(const std::string &content, const std::string &origin) {
  std::istringstream stream(content, std::ios::binary | std::ios::ate);
  return readStream(stream, origin, /*elements=*/true);
}

void writeTensors(const std::string &path, const TensorFile &file) {
  static constexpr const char *typeNames[] = {"F32", "I32", "I64"};
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!file.metadata.empty())
    header["__metadata__"] = file.metadata;
  uint64_t offset = 0;
  for (const FileTensor &tensor : file.tensors) {
    uint64_t end = offset + tensor.bytes.size();
    header[tensor.name] = {{"dtype", typeNames[static_cast<int>(tensor.type)]},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' '); // so that the tensors are aligned
  uint64_t headerBytes = text.size();

  AtomicFile output(path);
  output.write(&headerBytes, sizeof(headerBytes));
  output.write(text);
  for (const FileTensor &tensor : file.tensors)
    output.write(tensor.bytes.data(), tensor.bytes.size());
  output.commit();
}

} // namespace kinema
