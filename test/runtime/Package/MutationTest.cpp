// Files that were damaged at random: each is refused with a reason that names it, or read as what it says.
#include "runtime/Package/Manifest.h"
#include "runtime/Package/Names.h"
#include "runtime/Package/Package.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Random.h"
#include "test/runtime/LinearPackage.h"
#include "test/runtime/Package/Checks.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace kinema;
using namespace kinema::test;

namespace {

constexpr uint64_t mutations = 1000;

// Random numbers of one mutation.
class Draws {
public:
  explicit Draws(uint64_t mutation) : mutation(mutation) {}
  size_t below(size_t count) { return random::below(count, 3, mutation, next++); }
  uint64_t bits() { return random::bits(3, mutation, next++); }

private:
  uint64_t mutation, next = 0;
};

// Some bytes are changed, or a piece is cut off, left out, written twice or moved.
std::string mutated(std::string content, uint64_t mutation) {
  Draws draws(mutation);
  size_t begin = draws.below(content.size());
  size_t count = 1 + draws.below(std::min<size_t>(64, content.size() - begin));
  std::string piece = content.substr(begin, count);
  constexpr std::string_view likely("0123456789-.,:\"{}[]\0\x7f\x80\xff", 23);
  switch (draws.below(6)) {
  case 0:
    for (uint64_t left = 1 + draws.below(8); left > 0; --left)
      content[draws.below(content.size())] = static_cast<char>(draws.bits());
    return content;
  case 1:
    for (uint64_t left = 1 + draws.below(4); left > 0; --left)
      content[draws.below(content.size())] = likely[draws.below(likely.size())];
    return content;
  case 2:
    return content.substr(0, begin);
  case 3:
    return content.erase(begin, count);
  case 4:
    return content.insert(draws.below(content.size()), piece);
  default:
    content.erase(begin, count);
    return content.insert(content.empty() ? 0 : draws.below(content.size()), piece);
  }
}

// How many mutations were refused. read(content) throws Error or checks what it has read.
template <typename Read> uint64_t refused(const std::string &content, Read &&read) {
  uint64_t count = 0;
  for (uint64_t mutation = 0; mutation < mutations; ++mutation) {
    try {
      read(mutated(content, mutation));
    } catch (const Error &error) {
      ++count;
      EXPECT_NE(std::string_view(error.what()), "") << mutation;
    }
  }
  return count;
}

} // namespace

TEST(Mutation, Safetensors) {
  TemporaryFolder folder;
  TensorFile file;
  file.metadata = {{"kinema.checkpoint", "2"}, {"state", "{\"epoch\": 3}"}};
  for (const char *name : {"stem.weight", "stem.bias", "momentum.stem.weight"})
    file.tensors.emplace_back(name, ElementType::F32, std::vector<int64_t>{3, 5});
  file.tensors.emplace_back("labels", ElementType::I64, std::vector<int64_t>{4});
  writeTensors(folder / "w", file);
  uint64_t count = refused(readFile(folder / "w"), [&](const std::string &content) {
    folder.write("m", content);
    TensorFile header = readTensorHeader(folder / "m");
    TensorFile read = readTensors(folder / "m");
    ASSERT_EQ(read.tensors.size(), header.tensors.size());
    EXPECT_EQ(faultOf(read), "");
  });
  EXPECT_GE(count, mutations / 2);
}

// A naming that can be read leads from a name to a file and back.
TEST(Mutation, FilesOfNames) {
  const std::string text = "# names\n"
                           "{wb} = weight bias\n"
                           "{s} = 1:a 2:b\n"
                           "stem.{wb} -> conv1.{wb} [O I H W]\n"
                           "stage{s}.{n}.{wb} -> layer.{s}.{n}.{wb}\n"
                           "use torchvision-2d\n";
  uint64_t count = refused(text, [](const std::string &content) {
    Naming naming = parseNaming(content, "m");
    for (const char *name : {"stem.weight", "stage1.17.bias", "fc.weight"})
      if (std::string found = naming.find(name); !found.empty()) {
        std::vector<std::string> back = naming.inNetwork(found);
        EXPECT_NE(std::ranges::find(back, name), back.end()) << content;
      }
  });
  EXPECT_GE(count, mutations / 8);
}

TEST(Mutation, Packages) {
  TemporaryFolder folder;
  PackageWriter writer;
  writer.add(manifestEntry, linearManifest().dump());
  writer.add("code/x86-64-v3.so", "these bytes stand for code");
  writer.add("weights.safetensors", "and these for weights");
  writer.write(folder / "p");
  Package whole(folder / "p");
  uint64_t count = refused(readFile(folder / "p"), [&](const std::string &content) {
    folder.write("m", content);
    Package package(folder / "m");
    for (const std::string &entry : package.entries())
      if (whole.has(entry)) // what is read is what was written
        EXPECT_EQ(package.read(entry), whole.read(entry)) << entry;
    for (const Manifest &manifest : readManifests(package))
      EXPECT_EQ(faultOf(manifest), "");
  });
  EXPECT_GE(count, mutations / 2);
}

TEST(Mutation, Manifests) {
  uint64_t count = refused(linearManifest().dump(), [](const std::string &content) {
    EXPECT_EQ(faultOf(parseManifest(content, "m")), "");
  });
  EXPECT_GE(count, mutations / 2);
}
