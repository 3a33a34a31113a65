#include "runtime/Package/Safetensors.h"

#include "runtime/Support/Files.h"
#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <sys/resource.h>

using namespace kinema;
using namespace kinema::test;

namespace {

TensorFile sample() {
  TensorFile file;
  file.metadata = {{"epoch", "3"}, {"name", "a \"quoted\" name"}};
  FileTensor &weight = file.tensors.emplace_back("z.weight", ElementType::F32, std::vector<int64_t>{2, 3});
  for (int i = 0; i < 6; ++i)
    weight.as<float>()[i] = 0.5f * i;
  file.tensors.emplace_back("labels", ElementType::I64, std::vector<int64_t>{2}).as<int64_t>()[1] = -1;
  file.tensors.emplace_back("scalar", ElementType::I32, std::vector<int64_t>{}).as<int32_t>()[0] = 7;
  file.tensors.emplace_back("empty", ElementType::F32, std::vector<int64_t>{0, 3});
  return file;
}

std::string withHeader(const std::string &header, const std::string &data = "") {
  uint64_t bytes = header.size();
  return std::string(reinterpret_cast<char *>(&bytes), 8) + header + data;
}

} // namespace

TEST(Safetensors, RoundTrip) {
  TemporaryFolder folder;
  TensorFile written = sample();
  writeTensors(folder / "x.safetensors", written);
  TensorFile read = readTensors(folder / "x.safetensors");
  EXPECT_EQ(read.metadata, written.metadata);
  ASSERT_EQ(read.tensors.size(), 4u);
  for (const FileTensor &tensor : written.tensors) {
    const FileTensor *found = read.find(tensor.name);
    ASSERT_TRUE(found) << tensor.name;
    EXPECT_EQ(found->type, tensor.type);
    EXPECT_EQ(found->shape, tensor.shape);
    EXPECT_EQ(found->bytes, tensor.bytes);
  }
}

TEST(Safetensors, MalformedFilesAreErrorsThatNameTheTensor) {
  TemporaryFolder folder;
  auto error = [&](const std::string &content) {
    folder.write("x", content);
    std::string text = errorOf([&] { readTensors(folder / "x"); });
    size_t at = text.find(folder / "x");
    return at == std::string::npos ? text : text.substr(at + (folder / "x").size());
  };
  std::string eight(8, '\0'), huge = "\xff\xff\xff\xff\xff\xff\xff\x7f{}";
  EXPECT_EQ(error("abc"), " is no safetensors file: it has 3 bytes");
  EXPECT_EQ(error(huge),
            " is no safetensors file, or cut off: a header of 9223372036854775807 bytes in a file of 10");
  EXPECT_EQ(error(withHeader("{\"a\"")), " is no safetensors file: its header is not valid JSON");
  EXPECT_EQ(error(withHeader("[]")), " is no safetensors file: its header is array, not a JSON object");
  EXPECT_EQ(error(withHeader(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "1234")),
            ": tensor a is said to lie at bytes 0 to 8 of 4: the file is cut off or damaged");
  EXPECT_EQ(error(withHeader(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", eight)),
            ": tensor a F32 [3] does not fit into its 8 bytes");
  EXPECT_EQ(error(withHeader(
                R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}})")),
            ": tensor a F32 [4294967296, 4294967296, 4294967296] does not fit into its 0 bytes");
  EXPECT_EQ(error(withHeader(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}})", eight)),
            ": tensor a has no valid shape");
  EXPECT_EQ(error(withHeader(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", eight)),
            ": tensor a is said to lie at bytes 8 to 0 of 8: the file is cut off or damaged");
  EXPECT_EQ(error(withHeader(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})", eight)),
            ": tensor a is U8; F32, F16, BF16, F64, I32 and I64 can be read");
  EXPECT_EQ(error(withHeader(R"({"a":{"dtype":"F16","shape":[3],"data_offsets":[0,8]}})", eight)),
            ": tensor a F16 [3] does not fit into its 8 bytes");
  EXPECT_EQ(
      error(withHeader(
          R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
          eight)),
      ": tensor b overlaps the one before it");
  EXPECT_EQ(error(withHeader(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", eight)),
            ": 4 bytes before tensor a belong to no tensor");
  EXPECT_EQ(error(withHeader(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", eight)),
            ": 4 bytes at the end belong to no tensor");
  EXPECT_EQ(
      error(withHeader(
          R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})")),
      ": tensor a occurs twice");
  EXPECT_EQ(error(withHeader(R"({"a":{"shape":[1],"data_offsets":[0,4]}})")), ": tensor a has no dtype");
  EXPECT_EQ(error(withHeader(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})")),
            ": tensor a has no valid data_offsets");
  EXPECT_EQ(error(withHeader(R"({"__metadata__":5})")), ": __metadata__ is no object");
  EXPECT_EQ(error(withHeader(R"({"a":5})")), ": the header's entry of tensor a is no object");
  EXPECT_EQ(error(withHeader(R"({"__metadata__":{"k":1}})")), ": __metadata__ k is no string");
}

TEST(Safetensors, OtherFloatsBecomeFloat32) {
  const std::vector<uint16_t> halves = {0x3c00, 0xc500, 0x7bff, 0x0001}, brains = {0x3fc0, 0xc2c8};
  const std::vector<double> doubles = {0.1, -1e-3};
  std::string data;
  auto add = [&](const auto &values) {
    data.append(reinterpret_cast<const char *>(values.data()), values.size() * sizeof values[0]);
  };
  add(halves);
  add(brains);
  add(doubles);
  const TensorFile file =
      parseTensors(withHeader(R"({"half":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]},)"
                              R"("brain":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},)"
                              R"("double":{"dtype":"F64","shape":[2],"data_offsets":[12,28]}})",
                              data),
                   "x");
  auto values = [&](const char *name) {
    const FileTensor *tensor = file.find(name);
    EXPECT_EQ(tensor->type, ElementType::F32);
    return std::vector<float>(tensor->as<float>().begin(), tensor->as<float>().end());
  };
  EXPECT_EQ(values("half"), (std::vector<float>{1, -5, 65504, 0x1p-24f}));
  EXPECT_EQ(file.find("half")->shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(values("brain"), (std::vector<float>{1.5, -100}));
  EXPECT_EQ(values("double"), (std::vector<float>{0.1f, -1e-3f}));
}

TEST(Safetensors, TensorsAreReadOneByOne) {
  const std::string header = R"({"half":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},)"
                             R"("whole":{"dtype":"I32","shape":[3],"data_offsets":[4,16]},)"
                             R"("none":{"dtype":"F32","shape":[0],"data_offsets":[16,16]}})";
  const std::string data("\x00\x3c\x00\xc5\1\0\0\0\2\0\0\0\3\0\0\0", 16);
  const std::string content = withHeader(header, data);
  TensorReader reader(sourceOfView(content, "x"));
  ASSERT_EQ(reader.header().tensors.size(), 3u);
  EXPECT_TRUE(reader.header().tensors[0].bytes.empty());
  auto words = [&](const char *name) {
    std::span<const char> bytes = reader.read(*reader.header().find(name));
    std::vector<uint32_t> words(bytes.size() / 4);
    std::ranges::copy(bytes, reinterpret_cast<char *>(words.data()));
    return words;
  };
  const std::vector<uint32_t> half = {0x3f800000, 0xc0a00000}; // 1 and -5
  EXPECT_EQ(words("whole"), (std::vector<uint32_t>{1, 2, 3}));
  EXPECT_EQ(words("half"), half);
  EXPECT_EQ(words("none"), std::vector<uint32_t>());
  EXPECT_EQ(words("half"), half);
}

// Every cut of a good file is an error, never a crash.
TEST(Safetensors, EveryTruncationIsAnError) {
  TemporaryFolder folder;
  writeTensors(folder / "x", sample());
  std::string whole = readFile(folder / "x");
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    folder.write("y", whole.substr(0, bytes));
    EXPECT_NE(errorOf([&] { readTensors(folder / "y"); }), "") << bytes;
  }
}

TEST(Safetensors, MissingFileAndDirectory) {
  TemporaryFolder folder;
  EXPECT_EQ(errorOf([&] { readTensors(folder / "none"); }),
            "cannot read " + (folder / "none") + ": No such file or directory");
  EXPECT_EQ(errorOf([&] { readTensors(folder.name()); }),
            "cannot read " + folder.name() + ": it is a directory");
}

TEST(Safetensors, AFailedWriteLeavesWhatWasThere) {
  TemporaryFolder folder;
  EXPECT_NE(errorOf([&] { writeTensors(folder / "no/such/folder/x", sample()); }), "");
  folder.write("x", "what was there");
  {
    AtomicFile file(folder / "x");
    file.write("half of it");
  }
  EXPECT_EQ(readFile(folder / "x"), "what was there");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.name()), {}), 1)
      << "no temporary file stays";
  EXPECT_EQ(errorOf([] { writeFile("/dev/full/x", ""); }), "cannot write /dev/full/x: Not a directory");
}

// A disk that is full, as far as a program can see: files cannot grow beyond a limit.
TEST(Safetensors, AFullDiskLeavesWhatWasThere) {
  TemporaryFolder folder;
  writeTensors(folder / "x", sample());
  std::string before = readFile(folder / "x");
  TensorFile large = sample();
  large.tensors.emplace_back("large", ElementType::F32, std::vector<int64_t>{100000});
  rlimit old, limited;
  getrlimit(RLIMIT_FSIZE, &old);
  limited = old;
  limited.rlim_cur = 65536;
  setrlimit(RLIMIT_FSIZE, &limited);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  std::string error = errorOf([&] { writeTensors(folder / "x", large); });
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(error, "cannot write " + (folder / "x") + ": File too large");
  EXPECT_TRUE(readFile(folder / "x") == before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.name()), {}), 1)
      << "no temporary file stays";
}
