#ifndef KINEMA_DIALECTS_KERNEL_KERNELINTERFACES
#define KINEMA_DIALECTS_KERNEL_KERNELINTERFACES

include "mlir/IR/OpBase.td"

def LaunchableOpInterface : OpInterface<"LaunchableOp"> {
  let description = [{
    An operation that becomes one launch, and what is known of it whoever carries it out. How it is carried out without a
    schedule of its own is a row among the reference lowerings (`compiler/Target/Common/ReferenceOps.h`).
  }];
  let cppNamespace = "::kinema::kernel";
  let methods = [
    InterfaceMethod<"How a target carries it out; null before one has been chosen.",
    "::kinema::kernel::ScheduleAttr", "getScheduleAttr">,
    InterfaceMethod<"", "void", "setScheduleAttr", (ins "::kinema::kernel::ScheduleAttr":$schedule)>,
    InterfaceMethod<"The multiply-adds of a contraction; of everything else, zero.",
    "int64_t", "getMacs", (ins), [{}], [{ return 0; }]>,
    InterfaceMethod<"The bytes that it reads if it touches each element that it needs once.",
    "int64_t", "getBytesRead", (ins), [{}], [{ return ::kinema::kernel::bytesOf($_op->getOperands()); }]>,
    InterfaceMethod<"Whether a result comes in partials, and of what.",
    "::kinema::kernel::Form", "getForm", (ins "unsigned":$result), [{}], [{ return ::kinema::kernel::Form::Whole; }]>,
    InterfaceMethod<[{
      Of a kernel that makes new values of parameters: for each of them what it has of it among operands and results, old,
      new, gradient or partials, which all lie in one order.
    }], "::llvm::SmallVector<::llvm::SmallVector<::mlir::Value>>", "getCopies", (ins), [{}], [{ return {}; }]>,
    InterfaceMethod<"The most products or values that are summed for one number of a result.",
    "int64_t", "getDepth", (ins), [{}], [{ return ::kinema::kernel::largestOperand($_op); }]>
  ];
}

class KernelFact<string name> : NativeOpTrait<name> {
  let cppNamespace = "::kinema::kernel";
}
/// The reference lowering takes as long as memory does, and then is no stopgap.
def MemoryBound : KernelFact<"MemoryBound">;
/// Elementwise: results may lie where operands do.
def UpdatesInPlace : KernelFact<"UpdatesInPlace">;
/// Where activations are stored in bfloat16, what it makes of them is, too.
def MakesActivations : KernelFact<"MakesActivations">;

#endif
