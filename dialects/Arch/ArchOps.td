#ifndef KINEMA_DIALECTS_ARCH_ARCHOPS
#define KINEMA_DIALECTS_ARCH_ARCHOPS

include "dialects/Arch/ArchDialect.td"

class ArchOp<string mnemonic, list<Trait> traits = []> : Op<ArchDialect, mnemonic, traits>;

def Arguments : TypedArrayAttrBase<ArgumentAttr, "arguments">;
def Parameters : TypedArrayAttrBase<ParameterAttr, "parameters">;
def FileNames : TypedArrayAttrBase<FlatSymbolRefAttr, "names of files">;

//===-- Files and definitions ---------------------------------------------===//

def FileOp : ArchOp<"file", [Symbol, SymbolTable, NoTerminator, SingleBlock, HasParent<"::mlir::ModuleOp">]> {
  let summary = "one file of the spec; the first of a module is the one that is compiled";
  let description = [{
    A name means a definition of the file itself, else of a file in `uses`, in order.

    Example:
    ```mlir
    arch.file @net uses [@csn, @prelude] {
      arch.network @net() {
      }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, DefaultValuedAttr<FileNames, "{}">:$uses);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name (`uses` $uses^)? attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

class DefinitionOp<string mnemonic> : ArchOp<mnemonic, [Symbol, NoTerminator, SingleBlock, HasParent<"FileOp">]> {
  let arguments = (ins SymbolNameAttr:$sym_name, Parameters:$parameters);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `` custom<Parameters>($parameters) attr-dict-with-keyword $body";
  let hasVerifier = 1;
}
def UnitOp : DefinitionOp<"unit"> {
  let summary = "a kind of convolution";
  let description = [{
    Example:
    ```mlir
    arch.unit @ir_csn(t: int = 3, d: int = 3, ch: int, stride: size = 1) {
      arch.call _: conv([t, d, d], ch = ch, groups = ch, stride = stride)
    }
    ```
  }];
}
def BlockOp : DefinitionOp<"block"> {
  let summary = "a piece of a network";
  let description = [{
    Example:
    ```mlir
    arch.block @basic(kind: unit, ch: int, stride: size = 1) {
      arch.call residual() {
        arch.call conv1: kind(ch = ch, stride = stride)
        arch.call conv2: kind(ch = ch, act = none)
      }
    }
    ```
  }];
}
def NetworkOp : DefinitionOp<"network"> {
  let summary = "a network";
  let description = [{
    Example:
    ```mlir
    arch.network @net(classes: int = 400) {
      arch.call input(rgb, 3x16x112x112)
      arch.call pool(avg, global)
      arch.call fc(classes)
    }
    ```
  }];
}

//===-- Statements --------------------------------------------------------===//

class StatementOp<string mnemonic, list<Trait> traits = []>
    : ArchOp<mnemonic, traits # [ParentOneOf<["UnitOp", "BlockOp", "NetworkOp", "StreamOp", "CallOp", "BranchOp"]>]>;

def CallOp : StatementOp<"call", [NoTerminator]> {
  let summary = "a call of an operation, a definition, or a parameter that holds one";
  let description = [{
    The body belongs to `residual`, `add`, `mul`, `average` and `concat`; in all but the first it holds `arch.branch`es.
    `times` is the number of copies in sequence.

    Example:
    ```mlir
    arch.call mid3: stage("conv(2+1)d", ch = 128, stride = 2) times 4
    ```
  }];
  let arguments = (ins OptionalAttr<StrAttr>:$label, StrAttr:$head, Arguments:$args, OptionalAttr<AnyAttr>:$times);
  let regions = (region MaxSizedRegion<1>:$body);
  let assemblyFormat = [{
    custom<LabelledHead>($label, $head) `` custom<Arguments>($args) (`times` custom<Expression>($times)^)?
    attr-dict-with-keyword ($body^)?
  }];
  let hasVerifier = 1;
}

def BranchOp : ArchOp<"branch", [NoTerminator, SingleBlock, HasParent<"CallOp">]> {
  let summary = "one branch of add, mul, average or concat; each starts from the same value";
  let description = [{
    Example:
    ```mlir
    arch.call concat() {
      arch.branch {
        arch.call identity()
      }
      arch.branch {
        arch.from mid3
        arch.call pool(avg, 2x2x2)
      }
    }
    ```
  }];
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "attr-dict-with-keyword $body";
}

def LetOp : StatementOp<"let"> {
  let summary = "names an integer";
  let description = "Example: `arch.let m = 27*in.c*ch / (9*in.c + 3*ch)`";
  let arguments = (ins StrAttr:$name, AnyAttr:$value);
  let assemblyFormat = "custom<Word>($name) `=` custom<Expression>($value) attr-dict";
  let hasVerifier = 1;
}

def SetOp : StatementOp<"set"> {
  let summary = "changes a parameter's default from here to the end of the body, also inside what is called";
  let description = "Example: `arch.set bn[eps] = 1.000000e-05`";
  let arguments = (ins StrAttr:$head, StrAttr:$parameter, AnyAttr:$value);
  let assemblyFormat = "custom<Word>($head) `` `[` custom<Word>($parameter) `]` `=` custom<Expression>($value) attr-dict";
  let hasVerifier = 1;
}

def StreamOp : StatementOp<"stream", [NoTerminator, SingleBlock]> {
  let summary = "a tower: starts from the value before it, which stays in place for the next line";
  let description = [{
    Example:
    ```mlir
    arch.stream flow {
      arch.call input(flow, 2x16x112x112)
    }
    ```
  }];
  let arguments = (ins StrAttr:$name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "custom<Word>($name) attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def FromOp : StatementOp<"from"> {
  let summary = "goes on from an earlier value, or from one of another stream";
  let description = "Example: `arch.from small: in`";
  let arguments = (ins OptionalAttr<StrAttr>:$label, StrAttr:$path);
  let assemblyFormat = "custom<LabelledHead>($label, $path) attr-dict";
  let hasVerifier = 1;
}

#endif
