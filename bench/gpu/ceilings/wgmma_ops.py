#!/usr/bin/env python3
"""Writes wgmma_ops.h for wgmma_rate.cu: a product in inline PTX for each N, with A in shared memory (Ss) and in registers (Rs).

usage: wgmma_ops.py FILE
"""
import sys

SIZES = (64, 128, 144, 232, 256)


def wrapper(n, rs):
    nd = n // 2
    regs = ", ".join(f"%{i}" for i in range(nd))
    na = 4 if rs else 1
    a = "{" + ", ".join(f"%{nd + i}" for i in range(4)) + "}" if rs else f"%{nd}"
    b, sd, imm = nd + na, nd + na + 1, nd + na + 2
    trans = f"%{imm}" if rs else f"%{imm}, %{imm + 1}"
    outs = ", ".join(f'"+f"(d[{i}])' for i in range(nd))
    if rs:
        ins = ", ".join(f'"r"(a[{i}])' for i in range(4)) + ', "l"(b), "r"(scale_d), "n"(TB)'
        sig, tmpl, name = "const uint32_t (&a)[4]", "template <int TB>", f"Rs<{n}, TB>"
    else:
        ins = '"l"(a), "l"(b), "r"(scale_d), "n"(TA), "n"(TB)'
        sig, tmpl, name = "uint64_t a", "template <int TA, int TB>", f"Ss<{n}, TA, TB>"
    return (f"{tmpl} struct {name} {{\n"
            f"  static __device__ __forceinline__ void mma(float (&d)[{nd}], {sig}, uint64_t b, int scale_d) {{\n"
            f'    asm volatile("{{\\n.reg .pred p;\\nsetp.ne.b32 p, %{sd}, 0;\\n"\n'
            f'      "wgmma.mma_async.sync.aligned.m64n{n}k16.f32.bf16.bf16 {{{regs}}}, {a}, %{b}, p, 1, 1, {trans};\\n}}\\n"\n'
            f"      : {outs}\n      : {ins});\n  }}\n}};\n")


with open(sys.argv[1], "w") as f:
    f.write("// written by wgmma_ops.py\n#pragma once\n#include <cstdint>\n"
            "template <int N, int TA, int TB> struct Ss;\ntemplate <int N, int TB> struct Rs;\n")
    for n in SIZES:
        f.write(wrapper(n, False) + wrapper(n, True))
