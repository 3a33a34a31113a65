// Code is taken apart by text, which is LLVM's to change: these are the forms that it has.
#include "compiler/Inspect/CodeText.h"
#include "compiler/Inspect/Marks.h"

#include <gtest/gtest.h>

using namespace kinema::inspect;

TEST(CodeText, FunctionsOfAssembly) {
  auto functions =
      functionsIn("\t.text\nk1:\n\tretq\n.Lfunc_end0:\n\t.size\tk1\nk2.body:\n\tnop\n.Lfunc_end1:\n"
                  "k2:\n\tjmp\tk2.body\n.Lfunc_end2:\n",
                  {"k1", "k2"});
  EXPECT_EQ(functions["k1"], "k1:\n\tretq\n");
  EXPECT_EQ(functions["k2"], "k2:\n\tjmp\tk2.body\n");
  EXPECT_EQ(functions.size(), 2u);
}

// Inline assembly has braces of its own.
TEST(CodeText, FunctionsOfPTX) {
  auto functions =
      functionsIn(".version 8.0\n.visible .entry k1(\n\t.param .u64 p\n)\n{\n\t{ wait; }\n\tret;\n}\n"
                  ".visible .entry k10()\n{\n\tret;\n}\n",
                  {"k1"});
  EXPECT_EQ(functions["k1"], ".visible .entry k1(\n\t.param .u64 p\n)\n{\n\t{ wait; }\n\tret;\n}\n");
  EXPECT_EQ(functions.size(), 1u);
}

TEST(CodeText, FunctionsOfIR) {
  auto functions =
      functionsIn("define void @k1(ptr %0) #0 {\n  ret void\n}\n\ndeclare void @k2(ptr)\n", {"k1", "k2"});
  EXPECT_EQ(functions["k1"], "define void @k1(ptr %0) #0 {\n  ret void\n}\n");
  EXPECT_EQ(functions.size(), 1u);
}

// Line N + 1 stands for operation N, and line 0 for none.
TEST(Marks, PlacesAreTakenOut) {
  std::string code =
      "k1:\n.Lfunc_begin0:\n\t.file\t1 \"step\"\n\t.loc\t1 30 0\n\t.cfi_startproc\n\tpushq\t%rbp\n.Ltmp0:\n"
      "\t.loc\t1 0 1 is_stmt 0\n\tnop\n.LBB0_1:\n\t.loc\t1 7 1\n\t.loc\t1 8 1\n\tretq\n";
  MarkedLines lines = takePlaces(code);
  EXPECT_EQ(code, "k1:\n\tpushq\t%rbp\n\tnop\n.LBB0_1:\n\tretq\n");
  EXPECT_EQ(lines, (MarkedLines{{1, {29}}, {2, {}}, {4, {7}}}));
}
