#include "compiler/Target/CPU/MicroKernels.h"

#include "compiler/Target/CPU/Level.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

BlockGroups kinema::cpu::groupBlocks(int64_t blocks) {
  if (blocks == 1)
    return {0, 1, 1};
  int64_t twos = blocks % 3 == 0 ? 0 : blocks % 3 == 2 ? 1 : 2;
  return {(blocks - 2 * twos) / 3, 2, twos};
}

int64_t kinema::cpu::tileChannels(const Machine &machine, int64_t reduce) {
  return std::min<int64_t>(reduce, registersOf(machine) / 4);
}

std::pair<Value, Value> kinema::cpu::emitGroup(KernelEmitter &e, const BlockGroups &groups, Value group) {
  if (groups.rests == 0)
    return {e.mul(group, 3), e.index(3)};
  if (groups.threes == 0)
    return {e.mul(group, groups.rest), e.index(groups.rest)};
  Value threes = e.index(groups.threes);
  Value inThrees = e.min(group, threes), inRests = e.sub(group, inThrees);
  Value isThree = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ult, group, threes);
  return {e.add(e.mul(inThrees, 3), e.mul(inRests, groups.rest)),
          arith::SelectOp::create(e.b, e.loc, isThree, e.index(3), e.index(groups.rest))};
}

void kinema::cpu::callForWidth(KernelEmitter &e, const BlockGroups &groups, Value width,
                               function_ref<void(int64_t)> body) {
  if (!groups.rests)
    return body(3);
  if (!groups.threes)
    return body(groups.rest);
  Value isThree = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, width, e.index(3));
  e.when(isThree, [&] { body(3); }, [&] { body(groups.rest); });
}

Value kinema::cpu::loadIndex(KernelEmitter &e, Value table, Value at) {
  return arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(), e.load(table, at));
}

Value kinema::cpu::pairEntry(KernelEmitter &e, Value table, Value pair, int64_t which) {
  return loadIndex(e, table, e.add(e.mul(pair, 2), which));
}

Value kinema::cpu::emitTable(KernelEmitter &e, StringRef name, ArrayRef<int32_t> values) {
  auto module = e.b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  auto type = MemRefType::get({int64_t(values.size())}, e.b.getI32Type());
  {
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToEnd(module.getBody());
    auto contents =
        DenseElementsAttr::get(RankedTensorType::get(type.getShape(), type.getElementType()), values);
    memref::GlobalOp::create(e.b, e.loc, name, e.b.getStringAttr("private"), type, contents,
                             /*constant=*/true, IntegerAttr());
  }
  return memref::GetGlobalOp::create(e.b, e.loc, type, name);
}

//===-- Functions ---------------------------------------------------------===//

namespace {

/// Returns the type under which a buffer of any size is handed to a tile: pointers are bare, so sizes have to
/// be static.
MemRefType anySize(Type element) { return MemRefType::get({int64_t(1) << 40}, element); }

Value withAnySize(KernelEmitter &e, Value buffer) {
  auto type = anySize(cast<MemRefType>(buffer.getType()).getElementType());
  return memref::ReinterpretCastOp::create(e.b, e.loc, type, buffer, /*offset=*/0, type.getShape(),
                                           ArrayRef<int64_t>{1});
}

/// Returns the function `name`, written by `body` (given an emitter and the arguments) unless the module has
/// it already.
func::FuncOp sharedFunction(KernelEmitter &e, StringRef name, TypeRange types,
                            function_ref<void(KernelEmitter &, ValueRange)> body) {
  auto module = e.b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  if (auto function = module.lookupSymbol<func::FuncOp>(name))
    return function;
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto function = func::FuncOp::create(builder, e.loc, name, builder.getFunctionType(types, {}));
  function.setPrivate();
  function->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
  function->setAttr("llvm.linkage", LLVM::LinkageAttr::get(module.getContext(), LLVM::Linkage::Internal));
  builder.setInsertionPointToStart(function.addEntryBlock());
  KernelEmitter inside(builder, e.loc, e.machine);
  body(inside, function.getArguments());
  func::ReturnOp::create(builder, e.loc);
  return function;
}

} // namespace

void kinema::cpu::callShared(KernelEmitter &e, StringRef name, SmallVector<Value> arguments,
                             function_ref<void(KernelEmitter &, ValueRange)> body) {
  for (Value &argument : arguments)
    if (isa<MemRefType>(argument.getType()))
      argument = withAnySize(e, argument);
  auto function = sharedFunction(e, name, ValueRange(arguments).getTypes(), body);
  func::CallOp::create(e.b, e.loc, function, arguments);
}

SmallVector<Value>
kinema::cpu::overConvSteps(KernelEmitter &e, const ConvTile &a, ValueRange start,
                           function_ref<SmallVector<Value>(Value, Value, ValueRange)> body) {
  return e.loop(e.index(0), a.channelBlocks, 1, start, [&](Value block, ValueRange outer) {
    Value sourceBlock = e.mul(block, a.sourceBlockStride);
    Value weightsBlock = e.add(a.weightsAt, e.mul(block, a.weightsBlockStride));
    return e.loop(e.index(0), a.tapCount, 1, outer, [&](Value tap, ValueRange inner) {
      Value pair = e.add(a.firstTap, tap);
      return body(e.add(sourceBlock, pairEntry(e, a.taps, pair, 0)),
                  e.add(weightsBlock, pairEntry(e, a.taps, pair, 1)), inner);
    });
  });
}

Value kinema::cpu::pixelEntry(KernelEmitter &e, const ConvTile &a, Value pixel, int64_t which) {
  return e.add(which == 0 ? a.sourceAt : a.tileAt, pairEntry(e, a.pixels, pixel, which));
}
