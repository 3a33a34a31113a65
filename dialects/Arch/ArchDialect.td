#ifndef KINEMA_DIALECTS_ARCH_ARCHDIALECT
#define KINEMA_DIALECTS_ARCH_ARCHDIALECT

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"

def ArchDialect : Dialect {
  let name = "arch";
  let cppNamespace = "::kinema::arch";
  let summary = "what the author wrote: definitions and calls, one operation a statement";
  let description = [{
    A module of this dialect holds the files of a spec. Nothing is resolved yet: heads, words and paths are names, as in
    the text, and there are no SSA values, since a statement takes the value before it. The pass `arch-to-clip` calls
    the network of the first file.

    **Expressions** are attributes: integers (i64), numbers (f64), words and paths (strings), lists (arrays),
    `#arch.size`, `#arch.binary`, `#arch.bound` and, for an argument alone, `#arch.cycle`. In operations they
    are written nearly as in the language: `ch = 4*in.c`, `[3, frames, 112, 112]`, `stride = 1x2x2`,
    `shortcut = "conv(2+1)d" {t = 1, d = 1}`, `kind = ir_csn | conv3d`; a name that is no MLIR identifier is quoted, and
    `mod` stands for `%`.

    **Locations** of statements are `fused<[places]>`: see `Places` in Arch.h. They let errors underline an argument.
  }];
  let useDefaultAttributePrinterParser = 1;
}

class ArchAttr<string name, string attrMnemonic> : AttrDef<ArchDialect, name> {
  let mnemonic = attrMnemonic;
  let hasCustomAssemblyFormat = 1;
}

def SizeAttr : ArchAttr<"Size", "size"> {
  let summary = "a size as written: two or more parts, T x H x W where there are three";
  let description = "Example: `#arch.size<1x2x2>`";
  let parameters = (ins ArrayRefParameter<"int64_t">:$parts);
  let genVerifyDecl = 1;
}

def BinaryAttr : ArchAttr<"Binary", "binary"> {
  let summary = "an operation on two integers; `/` rounds down";
  let description = "`operation` is one of `+ - * / %`. Example: `#arch.binary<ch / 4>`";
  let parameters = (ins "char":$operation, "::mlir::Attribute":$lhs, "::mlir::Attribute":$rhs);
  let genVerifyDecl = 1;
}

def CycleAttr : ArchAttr<"Cycle", "cycle"> {
  let summary = "an argument that changes from copy to copy: copy i takes element i modulo their number";
  let description = "Example: `#arch.cycle<ir_csn | conv3d>`";
  let parameters = (ins ArrayRefParameter<"::mlir::Attribute">:$elements);
  let genVerifyDecl = 1;
}

def ArgumentAttr : ArchAttr<"Argument", "argument"> {
  let summary = "an argument: a value, with a parameter's name unless it is positional";
  let description = "Example: `#arch.argument<ch = 64>`";
  let parameters = (ins "::mlir::StringAttr":$name, "::mlir::Attribute":$value);
  let extraClassDeclaration = "bool isNamed() const { return !getName().empty(); }";
}

def BoundAttr : ArchAttr<"Bound", "bound"> {
  let summary = "a unit, block or operation with arguments bound";
  let description = "Example: `#arch.bound<conv3d {t = 1}>`";
  let parameters = (ins "::mlir::StringAttr":$callee, ArrayRefParameter<"::kinema::arch::ArgumentAttr">:$arguments);
}

def ParameterAttr : ArchAttr<"Parameter", "parameter"> {
  let summary = "a parameter of a definition: name, type, and a default unless it must be given";
  let description = [{
    `type` is `int`, `number`, `size`, `flag`, `word`, `unit`, `block` or `value`. Example: `#arch.parameter<stride: size = 1>`
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "::mlir::StringAttr":$type,
                        OptionalParameter<"::mlir::Attribute">:$defaultValue);
  let genVerifyDecl = 1;
}

#endif
