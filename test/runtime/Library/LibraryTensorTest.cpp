// Tensors in the caller's memory, and in the library's, by DLPack.
#include "test/runtime/Library/LibraryTesting.h"

#include <dlpack/dlpack.h>

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;
using testing::HasSubstr;

namespace {

int deleted = 0; // tensors whose deleter was called

// A tensor of the caller's over memory of a test's; `deleted` counts when it is given back.
DLManagedTensor dlTensor(float *data, std::vector<int64_t> &shape, std::vector<int64_t> *strides = nullptr) {
  DLManagedTensor tensor{};
  tensor.dl_tensor.data = data;
  tensor.dl_tensor.device = {kDLCPU, 0};
  tensor.dl_tensor.ndim = static_cast<int>(shape.size());
  tensor.dl_tensor.dtype = {kDLFloat, 32, 1};
  tensor.dl_tensor.shape = shape.data();
  tensor.dl_tensor.strides = strides ? strides->data() : nullptr;
  tensor.deleter = [](DLManagedTensor *) { ++deleted; };
  return tensor;
}

} // namespace

TEST(Library, TensorsAreChecked) {
  Open open, other;
  ASSERT_WORKS(kinema_session_initialise(open.session, 1));
  EXPECT_FAILS(kinema_session_infer(open.session), "input rgb was never written");
  EXPECT_THAT(open.write(open.input(), {1, 2, 3}),
              HasSubstr("tensor rgb is float32 [4, 3, 1, 2, 3], of 288 bytes, and was given 12"));
  EXPECT_THAT(open.write(open.logits(), clips()), HasSubstr("logits is an output, which cannot be written"));
  EXPECT_THAT(open.write(other.input(), clips()),
              HasSubstr("tensor rgb is one of another package than the session's"));
  float logits[12];
  EXPECT_FAILS(kinema_session_read(open.session, open.logits(), logits, 48),
               "output logits is there after infer and before anything else runs");
  ASSERT_EQ(open.write(open.input(), clips()), "");
  ASSERT_WORKS(kinema_session_infer(open.session));
  EXPECT_FAILS(kinema_session_read(open.session, open.logits(), logits, 47), "of 48 bytes, and was given 47");
  ASSERT_WORKS(kinema_session_initialise(open.session, 1));
  EXPECT_FAILS(kinema_session_read(open.session, open.logits(), logits, 48), "is there after infer");
}

TEST(Library, TensorsAreBound) {
  Open open;
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  std::vector<float> input = clips(), found(12);
  std::vector<int64_t> shape{4, 3, 1, 2, 3}, outShape{4, 3};
  DLManagedTensor bound = dlTensor(input.data(), shape), result = dlTensor(found.data(), outShape);
  deleted = 0;
  ASSERT_WORKS(kinema_session_bind(open.session, open.input(), &bound));
  ASSERT_WORKS(kinema_session_bind(open.session, open.logits(), &result));
  ASSERT_WORKS(kinema_session_infer(open.session));
  EXPECT_EQ(found, expectedLogits(3));
  std::fill(input.begin(), input.end(), 0.0f);
  ASSERT_WORKS(kinema_session_infer(open.session));
  EXPECT_EQ(found, std::vector<float>(12)); // the biases are zero
  EXPECT_EQ(deleted, 0);
  ASSERT_WORKS(kinema_session_bind(open.session, open.input(), nullptr));
  EXPECT_EQ(deleted, 1);
  ASSERT_WORKS(kinema_session_bind(open.session, open.logits(), &result)); // once more is no change
  EXPECT_EQ(deleted, 1);
  kinema_session_close(open.session);
  open.session = nullptr;
  EXPECT_EQ(deleted, 2);
}

TEST(Library, BoundTensorsHaveAnyStrides) {
  // Clips with the channels last, as pictures lie in memory, and logits by class.
  std::vector<float> input = clips(), last(72), found(12);
  std::vector<int64_t> shape{4, 3, 1, 2, 3}, strides{18, 1, 18, 9, 3}, outShape{4, 3}, outStrides{1, 4};
  for (int n = 0; n < 4; ++n)
    for (int c = 0; c < 3; ++c)
      for (int place = 0; place < 6; ++place)
        last[n * 18 + place * 3 + c] = input[n * 18 + c * 6 + place];
  DLManagedTensor bound = dlTensor(last.data(), shape, &strides),
                  result = dlTensor(found.data(), outShape, &outStrides);
  Open open; // is closed before the tensors go, which belong to it then
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  ASSERT_WORKS(kinema_session_bind(open.session, open.input(), &bound));
  ASSERT_WORKS(kinema_session_bind(open.session, open.logits(), &result));
  ASSERT_WORKS(kinema_session_infer(open.session));
  const std::vector<float> expected = expectedLogits(3);
  for (int n = 0; n < 4; ++n)
    for (int c = 0; c < 3; ++c)
      EXPECT_EQ(found[c * 4 + n], expected[n * 3 + c]);
}

TEST(Library, BoundTensorsAreChecked) {
  Open open;
  std::vector<float> input = clips();
  std::vector<int64_t> shape{4, 3, 1, 2, 3}, wrong{4, 3, 6};
  deleted = 0;
  DLManagedTensor tensor = dlTensor(input.data(), wrong);
  EXPECT_FAILS(kinema_session_bind(open.session, open.input(), &tensor),
               "tensor rgb is float32 [4, 3, 1, 2, 3], and was given float32 [4, 3, 6]");
  tensor = dlTensor(input.data(), shape);
  tensor.dl_tensor.device.device_type = kDLCUDA;
  EXPECT_FAILS(kinema_session_bind(open.session, open.input(), &tensor),
               "lies on a device of DLPack's type 2");
  tensor = dlTensor(input.data(), shape);
  tensor.dl_tensor.dtype.bits = 16;
  EXPECT_FAILS(kinema_session_bind(open.session, open.input(), &tensor),
               "tensor rgb is of float32, and was given one of DLPack's type 2 with 16 bits and 1 lanes");
  tensor = dlTensor(nullptr, shape);
  EXPECT_FAILS(kinema_session_bind(open.session, open.input(), &tensor), "was given one without data");
  tensor = dlTensor(input.data(), shape);
  EXPECT_FAILS(kinema_session_bind(open.session, open.find(KINEMA_PARAMETER, "fc.bias"), &tensor),
               "tensor fc.bias is no input and no output: write or read it");
  EXPECT_EQ(deleted, 0); // what was not bound still belongs to the caller
}

TEST(Library, ViewsOutliveTheirSession) {
  Open open;
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  DLManagedTensor *input = nullptr, *logits = nullptr;
  ASSERT_WORKS(kinema_session_view(open.session, open.input(), &input));
  ASSERT_WORKS(kinema_session_view(open.session, open.logits(), &logits));
  EXPECT_EQ(input->dl_tensor.ndim, 5);
  EXPECT_EQ(input->dl_tensor.shape[4], 3);
  const std::vector<float> values = clips();
  std::copy(values.begin(), values.end(), static_cast<float *>(input->dl_tensor.data));
  ASSERT_WORKS(kinema_session_infer(open.session));
  kinema_session_close(open.session);
  open.session = nullptr;
  const auto *found = static_cast<const float *>(logits->dl_tensor.data);
  EXPECT_EQ(std::vector<float>(found, found + 12), expectedLogits(3));
  input->deleter(input);
  logits->deleter(logits);
}

TEST(Library, ViewsHaveTheStridesOfTheMemory) {
  json manifest = linearManifest();
  manifest["inputs"][0]["order"] = {{0, 4, 1}, {1, 1, 3}, {2, 1, 1}, {3, 2, 1}, {4, 3, 1}, {1, 3, 1}};
  Open open(manifest);
  DLManagedTensor *view = nullptr, *again = nullptr;
  ASSERT_WORKS(kinema_session_view(open.session, open.input(), &view));
  const int64_t *strides = view->dl_tensor.strides;
  ASSERT_NE(strides, nullptr);
  EXPECT_EQ(std::vector<int64_t>(strides, strides + 5), (std::vector<int64_t>{18, 1, 1, 9, 3}));
  const std::vector<float> values = clips();
  ASSERT_EQ(open.write(open.input(), values), "");
  const auto *memory = static_cast<const float *>(view->dl_tensor.data);
  EXPECT_EQ(memory[1 * 18 + 2 + 1 * 9 + 2 * 3], values[1 * 18 + 2 * 6 + 1 * 3 + 2]);
  ASSERT_WORKS(kinema_share(view, &again));
  view->deleter(view);
  EXPECT_EQ(again->dl_tensor.data, memory);
  EXPECT_EQ(again->dl_tensor.strides[3], 9);
  again->deleter(again);
}

TEST(Library, MemoryInBlocksIsNotViewed) {
  json manifest = linearManifest();
  // Two channels lie side by side, and the third one behind all places of these.
  manifest["inputs"][0]["order"] = {{0, 4, 1}, {1, 2, 2}, {2, 1, 1}, {3, 2, 1}, {4, 3, 1}, {1, 2, 1}};
  manifest["inputs"][0]["bytes"] = 4 * 4 * 4 * 6;
  manifest["inputs"][0]["offset"] = manifest["arena"]["bytes"];
  manifest["arena"] = {{"bytes", 2304}, {"segments", {{"parameters", 0, 832}, {"rest", 832, 1472}}}};
  Open open(manifest);
  DLManagedTensor *view = nullptr;
  EXPECT_FAILS(
      kinema_session_view(open.session, open.input(), &view),
      "tensor rgb does not lie in the machine's memory in an order that strides can say: write or read it");
  EXPECT_FAILS(kinema_session_view(open.session, open.find(KINEMA_PARAMETER, "fc.bias"), &view),
               "tensor fc.bias is no input and no output");
}

TEST(Library, OnlyItsOwnTensorsAreShared) {
  Open open;
  std::vector<float> input = clips();
  std::vector<int64_t> shape{4, 3, 1, 2, 3};
  const DLManagedTensor tensor = dlTensor(input.data(), shape);
  DLManagedTensor *shared = nullptr;
  EXPECT_FAILS(kinema_share(&tensor, &shared), "the tensor is none that the library made");
}

TEST(Library, AllocatesTensors) {
  const int64_t shape[] = {2, 3}, wrong[] = {2, 0}, large[] = {INT64_MAX, 16};
  DLManagedTensor *tensor = nullptr;
  ASSERT_WORKS(kinema_allocate(KINEMA_INT32, 2, shape, &tensor));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor->dl_tensor.data) % 64, 0u);
  EXPECT_EQ(tensor->dl_tensor.dtype.code, kDLInt);
  EXPECT_EQ(static_cast<int32_t *>(tensor->dl_tensor.data)[5], 0);
  tensor->deleter(tensor);
  ASSERT_WORKS(kinema_allocate(KINEMA_FLOAT32, 0, nullptr, &tensor));
  tensor->deleter(tensor);
  EXPECT_FAILS(kinema_allocate(KINEMA_FLOAT32, 2, wrong, &tensor),
               "a tensor cannot have 0 as its size along axis 1");
  EXPECT_FAILS(kinema_allocate(KINEMA_FLOAT32, 2, large, &tensor), "a tensor cannot have");
  EXPECT_FAILS(kinema_allocate(KINEMA_FLOAT32, 9, shape, &tensor),
               "a tensor of 9 axes is asked for; it may have up to 8");
  EXPECT_FAILS(kinema_allocate(static_cast<kinema_type>(9), 2, shape, &tensor),
               "9 is the number of no type of tensors");
}

// Sanitizers end a process that asks for so much.
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
TEST(Library, TooLittleMemoryIsAnError) {
  const int64_t huge[] = {INT64_MAX / 64};
  DLManagedTensor *tensor = nullptr;
  kinema_error *error = kinema_allocate(KINEMA_FLOAT32, 1, huge, &tensor);
  EXPECT_EQ(kinema_error_status(error), KINEMA_NO_MEMORY);
  EXPECT_FAILS(error, "there is not enough memory");
}
#endif
