#ifndef KINEMA_DIALECTS_KERNEL_KERNELINTERFACES
#define KINEMA_DIALECTS_KERNEL_KERNELINTERFACES

include "mlir/IR/OpBase.td"

def LaunchableOpInterface : OpInterface<"LaunchableOp"> {
  let description = [{
    An operation that becomes one launch. The interface says what is known of it whoever carries it out. How it is carried
    out without a schedule of its own is a row among the reference lowerings (`compiler/Target/Common/ReferenceOps.h`).
  }];
  let cppNamespace = "::kinema::kernel";
  let methods = [
    InterfaceMethod<"Returns how a target carries it out; null before that has been chosen.",
    "::kinema::kernel::ScheduleAttr", "getScheduleAttr">,
    InterfaceMethod<"Sets how a target carries it out.",
    "void", "setScheduleAttr", (ins "::kinema::kernel::ScheduleAttr":$schedule)>,
    InterfaceMethod<"Returns the multiply-adds of a contraction; zero for everything else.",
    "int64_t", "getMacs", (ins), [{}], [{ return 0; }]>,
    InterfaceMethod<"Returns the bytes that it reads if it touches each element that it needs once.",
    "int64_t", "getBytesRead", (ins), [{}], [{ return ::kinema::kernel::bytesOf($_op->getOperands()); }]>,
    InterfaceMethod<"Returns whether a result comes in partials, and of what.",
    "::kinema::kernel::Form", "getForm", (ins "unsigned":$result), [{}], [{ return ::kinema::kernel::Form::Whole; }]>,
    InterfaceMethod<[{
      Returns, for each parameter of which the kernel makes a new value, the operands and results that belong to it: the
      old and the new value, and the gradient or its partials. All of these lie in one order.
    }], "::llvm::SmallVector<::llvm::SmallVector<::mlir::Value>>", "getCopies", (ins), [{}], [{ return {}; }]>,
    InterfaceMethod<"Returns the most products or values that are summed for one number of a result.",
    "int64_t", "getDepth", (ins), [{}], [{ return ::kinema::kernel::largestOperand($_op); }]>
  ];
}

class KernelFact<string name> : NativeOpTrait<name> {
  let cppNamespace = "::kinema::kernel";
}
/// Memory bounds the time that the operation takes, so that its reference lowering is as quick as any other.
def MemoryBound : KernelFact<"MemoryBound">;
/// The operation is elementwise, so that results may lie where operands do.
def UpdatesInPlace : KernelFact<"UpdatesInPlace">;
/// The operation makes activations: where activations are stored in bfloat16, its results are, too.
def MakesActivations : KernelFact<"MakesActivations">;

#endif
