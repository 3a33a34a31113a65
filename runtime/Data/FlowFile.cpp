#include "runtime/Data/FlowFile.h"

#include "runtime/Support/Digest.h"
#include "runtime/Support/Error.h"

#include <nlohmann/json.hpp>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

using nlohmann::json;

namespace kinema {
namespace {

constexpr std::string_view signature = "kinema flow 1\n";
constexpr int64_t largestSide = 1 << 16, longestDescription = 1 << 20;

struct Tail {
  int64_t description, descriptionBytes, fields; // the table follows the description
  uint64_t digest;                               // of the description, the table, and the numbers before this
};
static_assert(sizeof(Tail) == 32);

uint64_t digestOf(std::string_view bytes) {
  Digest digest;
  digest.add(bytes);
  return digest.number();
}

template <typename Value> std::string_view bytesOf(const Value &value) {
  return {reinterpret_cast<const char *>(&value), sizeof value};
}

uint64_t digestOf(const Tail &tail, std::string_view description, std::string_view table) {
  Digest digest;
  digest.add(description);
  digest.add(table);
  digest.add(bytesOf(tail).substr(0, offsetof(Tail, digest)));
  return digest.number();
}

[[noreturn]] void failDamaged(const std::string &path, std::string_view why) {
  fail("{}: the stored flow is damaged: {}; `data flow` computes it anew", path, why);
}

// Calls each(axis's plane, place, what the number there is expected to be by those above and to the left of
// it) for each number of a field, in order. This is the predictor of JPEG-LS.
template <typename Numbers, typename Each> void predict(Numbers &field, PictureSize size, Each &&each) {
  const int64_t width = size.width;
  auto *at = field.data();
  for (int axis = 0; axis < 2; ++axis)
    for (int y = 0; y < size.height; ++y)
      for (int x = 0; x < size.width; ++x, ++at) {
        const int left = x > 0 ? at[-1] : y > 0 ? at[-width] : 0;
        const int above = y > 0 ? at[-width] : left;
        const int corner = x > 0 && y > 0 ? at[-width - 1] : above;
        const auto [low, high] = std::minmax(left, above);
        each(*at, corner >= high ? low : corner <= low ? high : left + above - corner);
      }
}

std::string textOf(const FlowDescription &description) {
  return json{{"recipe", toJson(description.recipe)},
              {"height", description.size.height},
              {"width", description.size.width},
              {"video", fmt::format("{:016x}", description.content)},
              {"computed_by", description.implementation}}
      .dump();
}

} // namespace

Recipe flowSettings(const DataRecipe &data) {
  Recipe recipe;
  recipe.data = data;
  const json all = toJson(recipe);
  json kept = json::object();
  for (const RecipeField &field : recipeFields)
    if (field.section == "data" && (field.statement == "flow" || field.name == "fps"))
      kept[field.section][field.name] = all[field.section][field.name];
  return parseRecipe(kept);
}

// What is left is small numbers and, where nothing moves, long runs of zeros: runs and Huffman's code suit it
// better than matches do.
std::string compressFlow(const FlowField &field, PictureSize size) {
  std::string rest;
  rest.reserve(field.size());
  predict(field, size, [&](int8_t number, int expected) { rest += static_cast<char>(number - expected); });
  z_stream stream{};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS, MAX_MEM_LEVEL, Z_RLE);
  std::string bytes(deflateBound(&stream, rest.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef *>(rest.data());
  stream.avail_in = static_cast<uInt>(rest.size());
  stream.next_out = reinterpret_cast<Bytef *>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  const bool isWhole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  bytes.resize(stream.total_out);
  deflateEnd(&stream);
  if (!isWhole)
    throw std::bad_alloc(); // the only reason that is left
  return bytes;
}

FlowField expandFlow(std::string_view bytes, PictureSize size) {
  FlowField field(static_cast<size_t>(flowNumbers(size)));
  uLongf length = field.size();
  uLong taken = bytes.size();
  const int status = uncompress2(reinterpret_cast<Bytef *>(field.data()), &length,
                                 reinterpret_cast<const Bytef *>(bytes.data()), &taken);
  if (status == Z_MEM_ERROR)
    throw std::bad_alloc();
  if (status != Z_OK || length != field.size() || taken != bytes.size())
    fail("the bytes are no field of {}x{}", size.height, size.width);
  predict(field, size, [](int8_t &number, int expected) { number = static_cast<int8_t>(number + expected); });
  return field;
}

FlowWriter::FlowWriter(const std::string &path, const FlowDescription &description)
    : file(path), description(description) {
  write(signature);
}

void FlowWriter::write(std::string_view bytes) {
  file.write(bytes);
  written += static_cast<int64_t>(bytes.size());
}

void FlowWriter::add(int64_t from, int64_t to, const FlowField &field) {
  const std::string bytes = compressFlow(field, description.size);
  for (int64_t number : {from, to, written, static_cast<int64_t>(bytes.size())})
    table += bytesOf(number);
  const uint64_t digest = digestOf(bytes);
  table += bytesOf(digest);
  write(bytes);
  ++fields;
}

void FlowWriter::commit() {
  const std::string text = textOf(description);
  Tail tail{written, static_cast<int64_t>(text.size()), fields, 0};
  tail.digest = digestOf(tail, text, table);
  write(text);
  write(table);
  write(bytesOf(tail));
  file.commit();
}

std::string FlowFile::readBytes(int64_t offset, int64_t count) {
  std::string bytes(static_cast<size_t>(count), '\0');
  for (int64_t done = 0; done < count;) {
    const ssize_t more = file.read(bytes.data() + done, static_cast<size_t>(count - done), offset + done);
    file.checkTime();
    if (more < 0)
      fail("{}: cannot be read: {}", path, std::strerror(errno));
    if (more == 0)
      failDamaged(path, "it is cut off");
    done += more;
  }
  return bytes;
}

void FlowFile::describe(const std::string &text) {
  const json document = json::parse(text);
  is.recipe = parseRecipe(document.at("recipe"));
  is.size = {document.at("height").get<int>(), document.at("width").get<int>()};
  const auto digest = document.at("video").get<std::string>();
  std::from_chars(digest.data(), digest.data() + digest.size(), is.content, 16);
  is.implementation = document.at("computed_by").get<std::string>();
}

FlowFile::FlowFile(const std::string &path) : path(path), file(path) {
  const auto begin = static_cast<int64_t>(signature.size()), all = file.bytes();
  if (all < begin + static_cast<int64_t>(sizeof(Tail)) || readBytes(0, begin) != signature)
    fail("{}: it is no file of stored flow, or one of another version; `data flow` computes it anew", path);
  Tail tail;
  const auto end = all - static_cast<int64_t>(sizeof tail);
  std::memcpy(&tail, readBytes(end, sizeof tail).data(), sizeof tail);
  const auto entry = static_cast<int64_t>(sizeof(Entry));
  const bool fits = tail.description >= begin && tail.description <= end && tail.descriptionBytes >= 0 &&
                    tail.descriptionBytes <= longestDescription && tail.fields >= 0 &&
                    tail.fields <= end / entry &&
                    tail.description + tail.descriptionBytes + tail.fields * entry == end;
  if (!fits)
    failDamaged(path, "its end is not that of such a file");
  const std::string text = readBytes(tail.description, tail.descriptionBytes);
  const std::string entries = readBytes(end - tail.fields * entry, tail.fields * entry);
  if (digestOf(tail, text, entries) != tail.digest)
    failDamaged(path, "its description has other bytes than were written");
  table.resize(static_cast<size_t>(tail.fields));
  if (!table.empty()) // a video of one frame has no field, and its table no address
    std::memcpy(table.data(), entries.data(), entries.size());
  try {
    describe(text);
  } catch (const std::exception &error) {
    failDamaged(path, fmt::format("its description cannot be read: {}", error.what()));
  }
  const auto [height, width] = is.size;
  bool valid = height > 0 && height <= largestSide && width > 0 && width <= largestSide;
  for (const Entry &field : table)
    valid &= field.offset >= begin && field.bytes >= 0 && field.bytes <= tail.description - field.offset;
  if (!valid)
    failDamaged(path, "its description contradicts itself");
}

FlowField FlowFile::read(int64_t from, int64_t to) {
  const auto wanted = std::pair(from, to);
  const auto found = std::ranges::lower_bound(
      table, wanted, {}, [](const Entry &entry) { return std::pair(entry.from, entry.to); });
  if (found == table.end() || found->from != from || found->to != to)
    fail("{}: it has no flow from frame {} to frame {}", path, from, to);
  file.restartClock();
  const std::string bytes = readBytes(found->offset, found->bytes);
  if (digestOf(bytes) != found->digest)
    failDamaged(path, fmt::format("the field from frame {} has other bytes than were written", from));
  try {
    return expandFlow(bytes, is.size);
  } catch (const Error &error) {
    failDamaged(path, error.what());
  }
}

} // namespace kinema
