#include "runtime/Device/Device.h"

#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <vector>

using namespace kinema;
using namespace kinema::test;

TEST(Device, WhatCannotBeLoadedIsAnError) {
  auto device = makeCpuDevice(1);
  device->allocate(256);
  std::string code = linearCode();
  for (std::string_view part : {std::string_view("no shared object"), std::string_view(code).substr(0, 1000),
                                std::string_view(code).substr(0, code.size() - 1)})
    EXPECT_EQ(errorOf([&] { device->loadCode(part, "code/x.so"); }),
              "cannot load code/x.so: it is no whole shared object");
  auto other = makeCpuDevice(1);
  other->allocate(256);
  other->loadCode(linearCode(), "code/x.so");
  EXPECT_EQ(errorOf([&] { other->prepare({"nothing", "", 1, 1, 0, {}}); }),
            "the package's code has no kernel nothing");
  EXPECT_EQ(errorOf([&] { makeCpuDevice(-1); }), "the number of threads must be between 1 and 256, found -1");
}

TEST(Device, AnArenaThatDoesNotFitIsAnError) {
  auto device = makeCpuDevice(1);
  EXPECT_NE(errorOf([&] { device->allocate(int64_t{1} << 60); }).find("cannot allocate"), std::string::npos);
}

TEST(Device, NamesAndTargetsMustAgree) {
  EXPECT_EQ(cudaNumber("cuda"), 0);
  EXPECT_EQ(cudaNumber("cuda:12"), 12);
  for (const char *name : {"", "cpu", "cuda:", "cuda:x", "cuda:1x", "cuda:-", "cudas"})
    EXPECT_EQ(cudaNumber(name), -1) << name;
  EXPECT_EQ(errorOf([&] { makeDevice("gpu", TargetKind::Cuda, "sm_90a"); }),
            "there is no device 'gpu'; there are auto, cpu, cuda, cuda:N and emulator");
  EXPECT_EQ(errorOf([&] { makeDevice("cpu", TargetKind::Cuda, "sm_90a"); }),
            "the package's code is for sm_90a, which the CPU cannot run; compile it with --target cpu");
  EXPECT_EQ(errorOf([&] { makeDevice("cuda:1", TargetKind::Cpu, "x86-64-v3"); }),
            "the package's code is for x86-64-v3, which a GPU cannot run; compile it with --target sm_90a");
  EXPECT_EQ(
      errorOf([&] { makeDevice("emulator", TargetKind::Cpu, "x86-64-v3"); }),
      "the package's code is for x86-64-v3, which the emulator cannot run; compile it with --target sm_90a "
      "--emulator");
  EXPECT_EQ(errorOf([&] { makeDevice("", TargetKind::Cpu, "riscv"); }),
            "this runtime has no CPU device for code of target 'riscv'; it runs x86-64-v3, x86-64-v4, "
            "x86-64-v4-bf16, x86-64-v4-amx, aarch64");
}
