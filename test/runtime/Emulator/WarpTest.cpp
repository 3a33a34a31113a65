// Operations among a warp's lanes, against their definition in the PTX ISA.
#include "test/runtime/Emulator/Machine.h"

#include <bit>

using namespace kinema::emulator;

namespace {

constexpr uint32_t all = 0xFFFFFFFF;

std::vector<uint32_t> byLane(auto function) {
  std::vector<uint32_t> values;
  for (uint32_t lane = 0; lane < 32; ++lane)
    values.push_back(function(lane));
  return values;
}

template <uint32_t kind, uint32_t offset, uint32_t clamp> void shuffleKernel(void *const *args) {
  uint32_t lane = threadIndex();
  uint64_t result = kinema_emulator_shuffle(kind, all, 100 + lane, offset, clamp, 1);
  storeGlobal(args[0], lane, uint32_t(result) + uint32_t(result >> 32) * 1000);
}

TEST(EmulatorWarp, shuffles) {
  expectRight(shuffleKernel<0, 5, 31>, {}, byLane([](uint32_t l) { return 1100 + (l ^ 5); }));
  expectRight(shuffleKernel<1, 3, 0>, {}, byLane([](uint32_t l) { return l >= 3 ? 1100 + l - 3 : 100 + l; }));
  expectRight(shuffleKernel<2, 4, 31>, {},
              byLane([](uint32_t l) { return l + 4 < 32 ? 1104 + l : 100 + l; }));
  expectRight(shuffleKernel<3, 9, 31>, {}, byLane([](uint32_t) { return 1109; }));
  // segments of eight lanes: mask 0x18, clamp 7
  expectRight(shuffleKernel<3, 2, 0x1807>, {}, byLane([](uint32_t l) { return 1102 + l / 8 * 8; }));
  expectRight(shuffleKernel<2, 3, 0x1807>, {},
              byLane([](uint32_t l) { return l % 8 + 3 < 8 ? 1103 + l : 100 + l; }));
  expectRight(shuffleKernel<1, 3, 0x1800>, {},
              byLane([](uint32_t l) { return l % 8 >= 3 ? 1097 + l : 100 + l; }));
}

TEST(EmulatorWarp, votes) {
  expectRight(
      [](void *const *args) {
        uint32_t lane = threadIndex();
        uint32_t sum =
            kinema_emulator_vote(0, all, lane == 7, 1) + 2 * kinema_emulator_vote(1, all, lane != 7, 2) +
            4 * kinema_emulator_vote(1, all, 1, 3) + 8 * kinema_emulator_vote(3, all, 0, 4) +
            16 * kinema_emulator_vote(3, all, lane < 4, 5) + kinema_emulator_vote(2, all, lane % 8 == 7, 6);
        storeGlobal(args[0], lane, sum);
      },
      {}, byLane([](uint32_t) { return 1 + 4 + 8 + 0x80808080; }));
}

TEST(EmulatorWarp, matchElectRedux) {
  expectRight(
      [](void *const *args) {
        uint32_t lane = threadIndex();
        uint32_t any = uint32_t(kinema_emulator_match(0, all, lane % 4, 1));
        uint64_t same = kinema_emulator_match(1, all, 9, 2),
                 different = kinema_emulator_match(1, all, lane / 16, 3);
        uint32_t leader = kinema_emulator_elect(all, 4), sum = kinema_emulator_redux(1, all, lane, 0, 5);
        uint32_t most = kinema_emulator_redux(3, all, uint32_t(-5) - lane, 0, 6);
        float least = std::bit_cast<float>(
            kinema_emulator_redux(9, all, std::bit_cast<uint32_t>(float(lane) - 3.5f), 0, 7));
        bool right = any == 0x11111111u << lane % 4 && same == 0x1FFFFFFFF && different == 0 &&
                     leader == (lane == 0) && sum == 496 && most == uint32_t(-5) && least == -3.5f;
        storeGlobal(args[0], lane, uint32_t(right));
      },
      {}, byLane([](uint32_t) { return 1; }));
}

TEST(EmulatorWarp, partsMeetByThemselves) {
  expectRight(
      [](void *const *args) {
        uint32_t lane = threadIndex(), mask = lane < 16 ? 0xFFFF : 0xFFFF0000;
        uint32_t value = lane < 16 ? uint32_t(kinema_emulator_shuffle(0, mask, lane, 1, 31, 1))
                                   : uint32_t(kinema_emulator_shuffle(0, mask, lane, 2, 31, 2));
        storeGlobal(args[0], lane, value);
      },
      {}, byLane([](uint32_t l) { return l < 16 ? l ^ 1 : l ^ 2; }));
}

TEST(EmulatorWarp, warpSyncOrdersMemoryAndAShuffleDoesNot) {
  expectRight(
      [](void *const *args) {
        uint32_t lane = threadIndex();
        storeShared(4 * lane, lane, 1);
        kinema_emulator_warp_sync(all, 2);
        storeGlobal(args[0], lane, loadShared<uint32_t>(4 * (31 - lane), 3));
      },
      {}, byLane([](uint32_t l) { return 31 - l; }));
  expectCaught(
      [](void *const *) {
        uint32_t lane = threadIndex();
        storeShared(4 * lane, lane, 1);
        kinema_emulator_shuffle(0, all, lane, 1, 31, 2);
        loadShared<uint32_t>(4 * (31 - lane), 3);
      },
      {}, "nothing orders the two");
}

TEST(EmulatorWarp, wrongUses) {
  expectCaught(
      [](void *const *) { kinema_emulator_shuffle(0, 0xFFFF0000u >> (threadIndex() & 16), 0, 1, 31, 1); }, {},
      "is not in the mask");
  expectCaught([](void *const *) { kinema_emulator_shuffle(0, 1u << threadIndex(), 0, 1, 31, 1); }, {},
               "which takes no part");
  expectCaught(
      [](void *const *) {
        if (threadIndex() < 16)
          kinema_emulator_shuffle(0, all, 0, 1, 31, 1);
        else
          kinema_emulator_shuffle(0, all, 0, 1, 31, 2);
      },
      {}, "meet in different operations");
  expectCaught(
      [](void *const *) {
        if (threadIndex() != 3)
          kinema_emulator_warp_sync(all, 1);
        else
          kinema_emulator_barrier(1, 32, 2);
      },
      {}, "no thread can go on");
}

} // namespace
