// Small kernels with every kind of synchronisation, for tests of what the emulator finds.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_EMULATOR_SAMPLEKERNELS_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_EMULATOR_SAMPLEKERNELS_H

namespace kinema::emulator {

// D = -A * B with A 64 x 80 and B 80 x 8 (bf16, D f32), in five steps of k = 16 through two stages of shared
// memory. A: [step][k / 8][row][8]; B as a tensor [k / 8][column][8], boxes of two k / 8. One thread copies,
// three warps negate A in place, a warpgroup multiplies and stores. Shared memory: mbarriers full, ready,
// empty (two each) at 0; A at 1024, B at 5120, D at 6144; 8192 bytes.
inline constexpr char pipelineKernel[] = R"mlir(
!acc = !llvm.struct<(f32, f32, f32, f32)>
gpu.module @m {
  llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
  llvm.func @pipeline(%a: !llvm.ptr<1>, %map: !llvm.ptr {llvm.byval = !llvm.array<128 x i8>, llvm.align = 64 : i64, nvvm.grid_constant}, %d: !llvm.ptr<1>)
      attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 256>} {
    %smem = llvm.mlir.addressof @smem : !llvm.ptr<3>
    %t = nvvm.read.ptx.sreg.tid.x : i32
    %c0 = llvm.mlir.constant(0 : i32) : i32
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %c2 = llvm.mlir.constant(2 : i32) : i32
    %c3 = llvm.mlir.constant(3 : i32) : i32
    %c4 = llvm.mlir.constant(4 : i32) : i32
    %c8 = llvm.mlir.constant(8 : i32) : i32
    %c16 = llvm.mlir.constant(16 : i32) : i32
    %c31 = llvm.mlir.constant(31 : i32) : i32
    %c32 = llvm.mlir.constant(32 : i32) : i32
    %c64 = llvm.mlir.constant(64 : i32) : i32
    %c96 = llvm.mlir.constant(96 : i32) : i32
    %c128 = llvm.mlir.constant(128 : i32) : i32
    %steps = llvm.mlir.constant(5 : i32) : i32
    %ticks = llvm.mlir.constant(1000000 : i32) : i32
    %full = llvm.getelementptr %smem[0] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %ready = llvm.getelementptr %smem[16] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %empty = llvm.getelementptr %smem[32] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %as = llvm.getelementptr %smem[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %bs = llvm.getelementptr %smem[5120] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %ds = llvm.getelementptr %smem[6144] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %first = llvm.icmp "eq" %t, %c0 : i32
    llvm.cond_br %first, ^init, ^start
  ^init:
    %full1 = llvm.getelementptr %full[8] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %ready1 = llvm.getelementptr %ready[8] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %empty1 = llvm.getelementptr %empty[8] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    nvvm.mbarrier.init %full, %c1 : !llvm.ptr<3>, i32
    nvvm.mbarrier.init %full1, %c1 : !llvm.ptr<3>, i32
    nvvm.mbarrier.init %ready, %c96 : !llvm.ptr<3>, i32
    nvvm.mbarrier.init %ready1, %c96 : !llvm.ptr<3>, i32
    nvvm.mbarrier.init %empty, %c128 : !llvm.ptr<3>, i32
    nvvm.mbarrier.init %empty1, %c128 : !llvm.ptr<3>, i32
    nvvm.fence.mbarrier.init
    llvm.br ^start
  ^start:
    nvvm.barrier0
    %isProducer = llvm.icmp "ult" %t, %c32 : i32
    llvm.cond_br %isProducer, ^producer, ^others
  ^others:
    %isTransformer = llvm.icmp "ult" %t, %c128 : i32
    llvm.cond_br %isTransformer, ^transform(%c0 : i32), ^multiplier

  // One thread copies.
  ^producer:
    llvm.cond_br %first, ^copy(%c0 : i32), ^end
  ^copy(%i: i32):
    %pstage = llvm.and %i, %c1 : i32
    %pround = llvm.lshr %i, %c1 : i32
    %pphase = llvm.and %pround, %c1 : i32
    %pbefore = llvm.xor %pphase, %c1 : i32
    %pfull = llvm.getelementptr %full[%pstage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i64
    %pempty = llvm.getelementptr %empty[%pstage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i64
    nvvm.mbarrier.try_wait.parity %pempty, %pbefore, %ticks : !llvm.ptr<3>, i32, i32
    %bytes = llvm.mlir.constant(2304 : i32) : i32
    nvvm.mbarrier.arrive.expect_tx %pfull, %bytes : !llvm.ptr<3>, i32
    %pas = llvm.getelementptr %as[%pstage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, !llvm.array<2048 x i8>
    %pbs = llvm.getelementptr %bs[%pstage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, !llvm.array<256 x i8>
    %pa = llvm.getelementptr %a[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, !llvm.array<2048 x i8>
    %asize = llvm.mlir.constant(2048 : i32) : i32
    nvvm.cp.async.bulk.shared.cluster.global %pas, %pa, %pfull, %asize : !llvm.ptr<3>, !llvm.ptr<1>
    %chunk = llvm.mul %i, %c2 : i32
    nvvm.cp.async.bulk.tensor.shared.cluster.global %pbs, %map, %pfull, box[%c0, %c0, %chunk] {isCTAOnly = true} : !llvm.ptr<3>, !llvm.ptr
    %pnext = llvm.add %i, %c1 : i32
    %pmore = llvm.icmp "slt" %pnext, %steps : i32
    llvm.cond_br %pmore, ^copy(%pnext : i32), ^end

  // Three warps negate A: 128 rows of 16 bytes.
  ^transform(%j: i32):
    %tstage = llvm.and %j, %c1 : i32
    %tround = llvm.lshr %j, %c1 : i32
    %tphase = llvm.and %tround, %c1 : i32
    %tfull = llvm.getelementptr %full[%tstage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i64
    %tready = llvm.getelementptr %ready[%tstage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i64
    nvvm.mbarrier.try_wait.parity %tfull, %tphase, %ticks : !llvm.ptr<3>, i32, i32
    %tas = llvm.getelementptr %as[%tstage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, !llvm.array<2048 x i8>
    %row0 = llvm.sub %t, %c32 : i32
    llvm.br ^row(%row0 : i32)
  ^row(%r: i32):
    %place = llvm.getelementptr %tas[%r] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, vector<4xi32>
    %old = llvm.load %place {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
    %signs = llvm.mlir.constant(dense<-2147450880> : vector<4xi32>) : vector<4xi32>
    %new = llvm.xor %old, %signs : vector<4xi32>
    llvm.store %new, %place {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
    %rnext = llvm.add %r, %c96 : i32
    %rmore = llvm.icmp "slt" %rnext, %c128 : i32
    llvm.cond_br %rmore, ^row(%rnext : i32), ^rowsDone
  ^rowsDone:
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    %ta = nvvm.mbarrier.arrive %tready : !llvm.ptr<3> -> i64
    %tnext = llvm.add %j, %c1 : i32
    %tmore = llvm.icmp "slt" %tnext, %steps : i32
    llvm.cond_br %tmore, ^transform(%tnext : i32), ^end

  // A warpgroup multiplies.
  ^multiplier:
    %zero = llvm.mlir.zero : !acc
    %leading = llvm.mlir.constant(64 : i64) : i64
    // leading 1024, stride 128; leading 128, stride 128
    %adesc = llvm.mlir.constant(34363932672 : i64) : i64
    %bdesc = llvm.mlir.constant(34360262656 : i64) : i64
    %ai = llvm.ptrtoint %as : !llvm.ptr<3> to i32
    %bi = llvm.ptrtoint %bs : !llvm.ptr<3> to i32
    llvm.br ^multiply(%c0, %zero : i32, !acc)
  ^multiply(%k: i32, %sum: !acc):
    %mstage = llvm.and %k, %c1 : i32
    %mround = llvm.lshr %k, %c1 : i32
    %mphase = llvm.and %mround, %c1 : i32
    %mready = llvm.getelementptr %ready[%mstage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i64
    %mempty = llvm.getelementptr %empty[%mstage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i64
    nvvm.mbarrier.try_wait.parity %mready, %mphase, %ticks : !llvm.ptr<3>, i32, i32
    %astep = llvm.mlir.constant(2048 : i32) : i32
    %bstep = llvm.mlir.constant(256 : i32) : i32
    %aoff = llvm.mul %mstage, %astep : i32
    %boff = llvm.mul %mstage, %bstep : i32
    %aat = llvm.add %ai, %aoff : i32
    %bat = llvm.add %bi, %boff : i32
    %a16 = llvm.lshr %aat, %c4 : i32
    %b16 = llvm.lshr %bat, %c4 : i32
    %a64 = llvm.zext %a16 : i32 to i64
    %b64 = llvm.zext %b16 : i32 to i64
    %da = llvm.or %a64, %adesc : i64
    %db = llvm.or %b64, %bdesc : i64
    nvvm.wgmma.fence.aligned
    %product = nvvm.wgmma.mma_async %da, %db, %sum, #nvvm.shape<m = 64, n = 8, k = 16>, D [<f32>, <one>], A [<bf16>, <one>, <row>], B [<bf16>, <one>, <col>] : !acc -> !acc
    nvvm.wgmma.commit.group.sync.aligned
    nvvm.wgmma.wait.group.sync.aligned 0
    %ma = nvvm.mbarrier.arrive %mempty : !llvm.ptr<3> -> i64
    %knext = llvm.add %k, %c1 : i32
    %kmore = llvm.icmp "slt" %knext, %steps : i32
    llvm.cond_br %kmore, ^multiply(%knext, %product : i32, !acc), ^store
  ^store:
    %e0 = llvm.extractvalue %product[0] : !acc
    %e1 = llvm.extractvalue %product[1] : !acc
    %e2 = llvm.extractvalue %product[2] : !acc
    %e3 = llvm.extractvalue %product[3] : !acc
    %own = llvm.sub %t, %c128 : i32
    %warp = llvm.udiv %own, %c32 : i32
    %lane = llvm.and %own, %c31 : i32
    %group = llvm.udiv %lane, %c4 : i32
    %inGroup = llvm.and %lane, %c3 : i32
    %base = llvm.mul %warp, %c16 : i32
    %drow = llvm.add %base, %group : i32
    %dcol = llvm.mul %inGroup, %c2 : i32
    %dline = llvm.mul %drow, %c8 : i32
    %dindex = llvm.add %dline, %dcol : i32
    %dindex8 = llvm.add %dindex, %c64 : i32
    %dp0 = llvm.getelementptr %ds[%dindex] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
    %dp1 = llvm.getelementptr %ds[%dindex8] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
    %u = llvm.mlir.undef : vector<2xf32>
    %v0 = llvm.insertelement %e0, %u[%c0 : i32] : vector<2xf32>
    %v1 = llvm.insertelement %e1, %v0[%c1 : i32] : vector<2xf32>
    %w0 = llvm.insertelement %e2, %u[%c0 : i32] : vector<2xf32>
    %w1 = llvm.insertelement %e3, %w0[%c1 : i32] : vector<2xf32>
    llvm.store %v1, %dp0 : vector<2xf32>, !llvm.ptr<3>
    llvm.store %w1, %dp1 : vector<2xf32>, !llvm.ptr<3>
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    nvvm.barrier id = %c1 number_of_threads = %c128
    %stores = llvm.icmp "eq" %own, %c0 : i32
    llvm.cond_br %stores, ^bulk, ^end
  ^bulk:
    %dsize = llvm.mlir.constant(2048 : i32) : i32
    nvvm.cp.async.bulk.global.shared.cta %d, %ds, %dsize : !llvm.ptr<1>, !llvm.ptr<3>
    nvvm.cp.async.bulk.commit.group
    nvvm.cp.async.bulk.wait_group 0
    llvm.br ^end
  ^end:
    llvm.return
  }
})mlir";

// C = A * B with A 32 x 64 and B 64 x 8 (bf16, row-major, C f32), two warps of 16 rows each, in four steps of
// k = 16 through two stages, by cp.async, ldmatrix and mma.sync; then the sum over the rows of each warp's
// part by shuffles, and over the warps through shared memory, to `sums`. Shared memory: A [stage][row
// 32][16], B [stage][k 16][8], bf16, then 8 sums of the second warp.
inline constexpr char warpKernel[] = R"mlir(
gpu.module @m {
  llvm.mlir.global internal @as() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<2048 x i8>
  llvm.mlir.global internal @bs() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<512 x i8>
  llvm.mlir.global internal @partial() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<8 x f32>
  llvm.func @product(%a: !llvm.ptr<1>, %b: !llvm.ptr<1>, %c: !llvm.ptr<1>, %sums: !llvm.ptr<1>)
      attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    %as = llvm.mlir.addressof @as : !llvm.ptr<3>
    %bs = llvm.mlir.addressof @bs : !llvm.ptr<3>
    %partial = llvm.mlir.addressof @partial : !llvm.ptr<3>
    %t = nvvm.read.ptx.sreg.tid.x : i32
    %c0 = llvm.mlir.constant(0 : i32) : i32
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %c2 = llvm.mlir.constant(2 : i32) : i32
    %c3 = llvm.mlir.constant(3 : i32) : i32
    %c4 = llvm.mlir.constant(4 : i32) : i32
    %c8 = llvm.mlir.constant(8 : i32) : i32
    %c15 = llvm.mlir.constant(15 : i32) : i32
    %c16 = llvm.mlir.constant(16 : i32) : i32
    %c31 = llvm.mlir.constant(31 : i32) : i32
    %c32 = llvm.mlir.constant(32 : i32) : i32
    %c64 = llvm.mlir.constant(64 : i32) : i32
    %all = llvm.mlir.constant(-1 : i32) : i32
    %fzero = llvm.mlir.constant(0.0 : f32) : f32
    %lane = llvm.and %t, %c31 : i32
    %warp = llvm.udiv %t, %c32 : i32
    // what this thread copies: of A 16 bytes (row t / 2, half t % 2), of B 4 bytes (k t / 4, columns 2 * (t % 4))
    %arow = llvm.udiv %t, %c2 : i32
    %ahalf = llvm.and %t, %c1 : i32
    %aline = llvm.mul %arow, %c64 : i32
    %acol = llvm.mul %ahalf, %c8 : i32
    %afrom = llvm.add %aline, %acol : i32
    %ato = llvm.mul %t, %c16 : i32
    %bto = llvm.mul %t, %c4 : i32
    llvm.br ^copy(%c0 : i32)
  ^copy(%s0: i32):
    // the first step
    %af0 = llvm.getelementptr %a[%afrom] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, bf16
    %at0 = llvm.getelementptr %as[%ato] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    %bf0 = llvm.getelementptr %b[%bto] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
    %bt0 = llvm.getelementptr %bs[%bto] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    nvvm.cp.async.shared.global %at0, %af0, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
    nvvm.cp.async.shared.global %bt0, %bf0, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>
    nvvm.cp.async.commit.group
    llvm.br ^step(%c0, %fzero, %fzero, %fzero, %fzero : i32, f32, f32, f32, f32)
  ^step(%s: i32, %d0: f32, %d1: f32, %d2: f32, %d3: f32):
    // the next step's copy, into the other stage
    %n = llvm.add %s, %c1 : i32
    %more = llvm.icmp "slt" %n, %c4 : i32
    llvm.cond_br %more, ^next, ^last
  ^next:
    %nstage = llvm.and %n, %c1 : i32
    %nk = llvm.mul %n, %c16 : i32
    %nfrom = llvm.add %afrom, %nk : i32
    %af = llvm.getelementptr %a[%nfrom] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, bf16
    %astage = llvm.getelementptr %as[%nstage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, !llvm.array<1024 x i8>
    %at = llvm.getelementptr %astage[%ato] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    %bfrom = llvm.getelementptr %b[%n] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, !llvm.array<256 x i8>
    %bf = llvm.getelementptr %bfrom[%bto] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
    %bstage = llvm.getelementptr %bs[%nstage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, !llvm.array<256 x i8>
    %bt = llvm.getelementptr %bstage[%bto] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    nvvm.cp.async.shared.global %at, %af, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
    nvvm.cp.async.shared.global %bt, %bf, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>
    nvvm.cp.async.commit.group
    nvvm.cp.async.wait.group 1
    llvm.br ^multiply
  ^last:
    nvvm.cp.async.wait.group 0
    llvm.br ^multiply
  ^multiply:
    nvvm.barrier0
    %stage = llvm.and %s, %c1 : i32
    %ma = llvm.getelementptr %as[%stage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, !llvm.array<1024 x i8>
    %mb = llvm.getelementptr %bs[%stage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, !llvm.array<256 x i8>
    // rows of the four matrices of A: row lane % 16 of the warp's 16, half lane / 16
    %lrow = llvm.and %lane, %c15 : i32
    %lhalf = llvm.udiv %lane, %c16 : i32
    %wrow = llvm.mul %warp, %c16 : i32
    %srow = llvm.add %wrow, %lrow : i32
    %srow32 = llvm.mul %srow, %c32 : i32
    %shalf16 = llvm.mul %lhalf, %c16 : i32
    %aoff = llvm.add %srow32, %shalf16 : i32
    %aaddr = llvm.getelementptr %ma[%aoff] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    %af4 = nvvm.ldmatrix %aaddr {num = 4 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>
    // rows of the two matrices of B, transposed: k = lane % 16
    %boff = llvm.mul %lrow, %c16 : i32
    %baddr = llvm.getelementptr %mb[%boff] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    %bf2 = nvvm.ldmatrix %baddr {num = 2 : i32, layout = #nvvm.mma_layout<col>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32)>
    %a0 = llvm.extractvalue %af4[0] : !llvm.struct<(i32, i32, i32, i32)>
    %a1 = llvm.extractvalue %af4[1] : !llvm.struct<(i32, i32, i32, i32)>
    %a2 = llvm.extractvalue %af4[2] : !llvm.struct<(i32, i32, i32, i32)>
    %a3 = llvm.extractvalue %af4[3] : !llvm.struct<(i32, i32, i32, i32)>
    %b0 = llvm.extractvalue %bf2[0] : !llvm.struct<(i32, i32)>
    %b1 = llvm.extractvalue %bf2[1] : !llvm.struct<(i32, i32)>
    %m = nvvm.mma.sync A[%a0, %a1, %a2, %a3] B[%b0, %b1] C[%d0, %d1, %d2, %d3]
      {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<bf16>,
       multiplicandBPtxType = #nvvm.mma_type<bf16>, shape = #nvvm.shape<m = 16, n = 8, k = 16>}
      : (i32, i32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
    %n0 = llvm.extractvalue %m[0] : !llvm.struct<(f32, f32, f32, f32)>
    %n1 = llvm.extractvalue %m[1] : !llvm.struct<(f32, f32, f32, f32)>
    %n2 = llvm.extractvalue %m[2] : !llvm.struct<(f32, f32, f32, f32)>
    %n3 = llvm.extractvalue %m[3] : !llvm.struct<(f32, f32, f32, f32)>
    // all have read this stage before it is filled again
    nvvm.barrier0
    llvm.cond_br %more, ^step(%n, %n0, %n1, %n2, %n3 : i32, f32, f32, f32, f32), ^store
  ^store:
    %g = llvm.udiv %lane, %c4 : i32
    %q = llvm.and %lane, %c3 : i32
    %crow = llvm.add %wrow, %g : i32
    %crow8 = llvm.mul %crow, %c8 : i32
    %ccol = llvm.mul %q, %c2 : i32
    %cat = llvm.add %crow8, %ccol : i32
    %cp0 = llvm.getelementptr %c[%cat] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %cp1 = llvm.getelementptr %cp0[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, f32
    %cp2 = llvm.getelementptr %cp0[64] : (!llvm.ptr<1>) -> !llvm.ptr<1>, f32
    %cp3 = llvm.getelementptr %cp0[65] : (!llvm.ptr<1>) -> !llvm.ptr<1>, f32
    llvm.store %n0, %cp0 : f32, !llvm.ptr<1>
    llvm.store %n1, %cp1 : f32, !llvm.ptr<1>
    llvm.store %n2, %cp2 : f32, !llvm.ptr<1>
    llvm.store %n3, %cp3 : f32, !llvm.ptr<1>
    %x0 = llvm.fadd %n0, %n2 : f32
    %y0 = llvm.fadd %n1, %n3 : f32
    %x0o = nvvm.shfl.sync bfly %all, %x0, %c4, %c31 : f32 -> f32
    %y0o = nvvm.shfl.sync bfly %all, %y0, %c4, %c31 : f32 -> f32
    %x1 = llvm.fadd %x0, %x0o : f32
    %y1 = llvm.fadd %y0, %y0o : f32
    %x1o = nvvm.shfl.sync bfly %all, %x1, %c8, %c31 : f32 -> f32
    %y1o = nvvm.shfl.sync bfly %all, %y1, %c8, %c31 : f32 -> f32
    %x2 = llvm.fadd %x1, %x1o : f32
    %y2 = llvm.fadd %y1, %y1o : f32
    %x2o = nvvm.shfl.sync bfly %all, %x2, %c16, %c31 : f32 -> f32
    %y2o = nvvm.shfl.sync bfly %all, %y2, %c16, %c31 : f32 -> f32
    %x3 = llvm.fadd %x2, %x2o : f32
    %y3 = llvm.fadd %y2, %y2o : f32
    %gives = llvm.icmp "ult" %lane, %c4 : i32
    %isSecond = llvm.icmp "eq" %warp, %c1 : i32
    %givesSecond = llvm.and %gives, %isSecond : i1
    %pp0 = llvm.getelementptr %partial[%ccol] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
    %pp1 = llvm.getelementptr %pp0[1] : (!llvm.ptr<3>) -> !llvm.ptr<3>, f32
    llvm.cond_br %givesSecond, ^give, ^sync
  ^give:
    llvm.store %x3, %pp0 : f32, !llvm.ptr<3>
    llvm.store %y3, %pp1 : f32, !llvm.ptr<3>
    llvm.br ^sync
  ^sync:
    nvvm.barrier id = %c2 number_of_threads = %c64
    %isFirst = llvm.icmp "eq" %warp, %c0 : i32
    %takes = llvm.and %gives, %isFirst : i1
    llvm.cond_br %takes, ^take, ^end
  ^take:
    %z0 = llvm.load %pp0 : !llvm.ptr<3> -> f32
    %z1 = llvm.load %pp1 : !llvm.ptr<3> -> f32
    %r0 = llvm.fadd %x3, %z0 : f32
    %r1 = llvm.fadd %y3, %z1 : f32
    %sp0 = llvm.getelementptr %sums[%ccol] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %sp1 = llvm.getelementptr %sp0[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, f32
    llvm.store %r0, %sp0 : f32, !llvm.ptr<1>
    llvm.store %r1, %sp1 : f32, !llvm.ptr<1>
    llvm.br ^end
  ^end:
    llvm.return
  }
})mlir";

// D = A * B with A 64 x 32 and B 32 x 16 (bf16, D f32), twice, in tensor memory: one thread makes two
// products of k = 16 into the same 16 columns each time. A: [time][k / 8][row][8]; B: [time][k /
// 8][column][8]; D: [time][thread][register]. Shared memory: an mbarrier at 0, the address of tensor memory
// at 8, A at 1024, B at 5120; 8192 bytes.
inline constexpr char tensorMemoryKernel[] = R"mlir(
gpu.module @m {
  llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
  llvm.func @product(%a: !llvm.ptr<1>, %b: !llvm.ptr<1>, %d: !llvm.ptr<1>)
      attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 128>} {
    %smem = llvm.mlir.addressof @smem : !llvm.ptr<3>
    %t = nvvm.read.ptx.sreg.tid.x : i32
    %c0 = llvm.mlir.constant(0 : i32) : i32
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %c2 = llvm.mlir.constant(2 : i32) : i32
    %c21 = llvm.mlir.constant(21 : i32) : i32
    %c32 = llvm.mlir.constant(32 : i32) : i32
    %c64 = llvm.mlir.constant(64 : i32) : i32
    %c128 = llvm.mlir.constant(128 : i32) : i32
    %c256 = llvm.mlir.constant(256 : i32) : i32
    %ticks = llvm.mlir.constant(1000000 : i32) : i32
    %no = llvm.mlir.constant(false) : i1
    %yes = llvm.mlir.constant(true) : i1
    // leading 1024, stride 128; leading 256, stride 128; the next two chunks along k
    %adesc = llvm.mlir.constant(70403108110336 : i64) : i64
    %bdesc = llvm.mlir.constant(70403104964608 : i64) : i64
    %anext = llvm.mlir.constant(128 : i64) : i64
    %bnext = llvm.mlir.constant(32 : i64) : i64
    // f32, bf16, bf16, 64 x 16
    %instruction = llvm.mlir.constant(67372176 : i32) : i32
    %slot = llvm.getelementptr %smem[8] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %as = llvm.getelementptr %smem[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %bs = llvm.getelementptr %smem[5120] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %first = llvm.icmp "eq" %t, %c0 : i32
    %isFirstWarp = llvm.icmp "ult" %t, %c32 : i32
    llvm.cond_br %first, ^init, ^initialised
  ^init:
    // The proxy fence below is for the mbarrier, too.
    nvvm.mbarrier.init %smem, %c1 : !llvm.ptr<3>, i32
    llvm.br ^initialised
  ^initialised:
    llvm.cond_br %isFirstWarp, ^alloc, ^time(%c0 : i32)
  ^alloc:
    nvvm.tcgen05.alloc %slot, %c32 : !llvm.ptr<3>, i32
    nvvm.tcgen05.relinquish_alloc_permit
    llvm.br ^time(%c0 : i32)

  // All threads copy: two rows of 16 bytes of A, and half of them one of B.
  ^time(%i: i32):
    %afirst = llvm.mul %i, %c256 : i32
    %bfirst = llvm.mul %i, %c64 : i32
    %t1 = llvm.add %t, %c128 : i32
    %afrom = llvm.add %afirst, %t : i32
    %afrom1 = llvm.add %afirst, %t1 : i32
    %bfrom = llvm.add %bfirst, %t : i32
    %ap = llvm.getelementptr %a[%afrom] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, vector<4xi32>
    %ap1 = llvm.getelementptr %a[%afrom1] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, vector<4xi32>
    %bp = llvm.getelementptr %b[%bfrom] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, vector<4xi32>
    %asp = llvm.getelementptr %as[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, vector<4xi32>
    %asp1 = llvm.getelementptr %as[%t1] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, vector<4xi32>
    %bsp = llvm.getelementptr %bs[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, vector<4xi32>
    %av = llvm.load %ap : !llvm.ptr<1> -> vector<4xi32>
    %av1 = llvm.load %ap1 : !llvm.ptr<1> -> vector<4xi32>
    llvm.store %av, %asp : vector<4xi32>, !llvm.ptr<3>
    llvm.store %av1, %asp1 : vector<4xi32>, !llvm.ptr<3>
    %copiesB = llvm.icmp "ult" %t, %c64 : i32
    llvm.cond_br %copiesB, ^copyB, ^copied
  ^copyB:
    %bv = llvm.load %bp : !llvm.ptr<1> -> vector<4xi32>
    llvm.store %bv, %bsp : vector<4xi32>, !llvm.ptr<3>
    llvm.br ^copied
  ^copied:
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<before>
    nvvm.barrier0
    %tensor = llvm.load %slot : !llvm.ptr<3> -> i32
    llvm.cond_br %first, ^multiply, ^wait

  // One thread multiplies.
  ^multiply:
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<after>
    %c4 = llvm.mlir.constant(4 : i32) : i32
    %ai = llvm.ptrtoint %as : !llvm.ptr<3> to i32
    %bi = llvm.ptrtoint %bs : !llvm.ptr<3> to i32
    %a16 = llvm.lshr %ai, %c4 : i32
    %b16 = llvm.lshr %bi, %c4 : i32
    %a64 = llvm.zext %a16 : i32 to i64
    %b64 = llvm.zext %b16 : i32 to i64
    %da = llvm.or %a64, %adesc : i64
    %db = llvm.or %b64, %bdesc : i64
    %da1 = llvm.add %da, %anext : i64
    %db1 = llvm.add %db, %bnext : i64
    %sum = llvm.inttoptr %tensor : i32 to !llvm.ptr<6>
    nvvm.tcgen05.mma %sum, %da, %db, %instruction, %no {kind = #nvvm.tcgen05_mma_kind<f16>, ctaGroup = #nvvm.cta_group<cta_1>} : (!llvm.ptr<6>, i64, i64, i32, i1)
    nvvm.tcgen05.mma %sum, %da1, %db1, %instruction, %yes {kind = #nvvm.tcgen05_mma_kind<f16>, ctaGroup = #nvvm.cta_group<cta_1>} : (!llvm.ptr<6>, i64, i64, i32, i1)
    nvvm.tcgen05.commit %smem : !llvm.ptr<3>
    llvm.br ^wait

  // Each warp loads its rows.
  ^wait:
    nvvm.mbarrier.try_wait.parity %smem, %i, %ticks : !llvm.ptr<3>, i32, i32
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<after>
    %warp = llvm.udiv %t, %c32 : i32
    %lanes = llvm.shl %warp, %c21 : i32
    %own = llvm.add %tensor, %lanes : i32
    %part = llvm.inttoptr %own : i32 to !llvm.ptr<6>
    %loaded = nvvm.tcgen05.ld %part {shape = #nvvm.tcgen05_ldst_shape<shape_16x256b>} : vector<8xi32>
    nvvm.tcgen05.wait #nvvm.tcgen05_wait<load>
    %dfirst = llvm.mul %i, %c128 : i32
    %dindex = llvm.add %dfirst, %t : i32
    %dp = llvm.getelementptr %d[%dindex] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, vector<8xi32>
    llvm.store %loaded, %dp {alignment = 4 : i64} : vector<8xi32>, !llvm.ptr<1>
    %next = llvm.add %i, %c1 : i32
    %more = llvm.icmp "slt" %next, %c2 : i32
    llvm.cond_br %more, ^time(%next : i32), ^done
  ^done:
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<before>
    nvvm.barrier0
    llvm.cond_br %isFirstWarp, ^dealloc, ^end
  ^dealloc:
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<after>
    %all = llvm.inttoptr %tensor : i32 to !llvm.ptr<6>
    nvvm.tcgen05.dealloc %all, %c32 : !llvm.ptr<6>, i32
    llvm.br ^end
  ^end:
    llvm.return
  }
})mlir";

} // namespace kinema::emulator

#endif
