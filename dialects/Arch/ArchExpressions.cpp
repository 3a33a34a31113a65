// The text of expressions, arguments and parameters inside operations and attributes.
#include "dialects/Arch/Arch.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kinema::arch;

bool kinema::arch::isExpression(Attribute attribute, bool orCycle) {
  if (isa_and_nonnull<IntegerAttr, FloatAttr, StringAttr, SizeAttr, BinaryAttr, BoundAttr>(attribute))
    return true;
  if (auto list = dyn_cast_or_null<ArrayAttr>(attribute))
    return llvm::all_of(list, [](Attribute element) { return isExpression(element); });
  return orCycle && isa_and_nonnull<CycleAttr>(attribute);
}

//===-- Printing ----------------------------------------------------------===//

/// A name as it is, or quoted where MLIR would not read it as one word.
static void printName(StringRef name, raw_ostream &os) {
  bool bare = !name.empty() && (llvm::isAlpha(name.front()) || name.front() == '_') &&
              llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
  if (bare) {
    os << name;
    return;
  }
  os << '"';
  llvm::printEscapedString(name, os);
  os << '"';
}

/// With an exponent, so that it is read as a number again, and as few digits as give the same value.
static void printNumber(const APFloat &number, raw_ostream &os) {
  SmallString<32> digits;
  number.toString(digits, /*FormatPrecision=*/6, /*FormatMaxPadding=*/0, /*TruncateZero=*/false);
  if (!APFloat(number.getSemantics(), digits).bitwiseIsEqual(number)) {
    digits.clear();
    number.toString(digits, /*FormatPrecision=*/17, /*FormatMaxPadding=*/0, /*TruncateZero=*/false);
  }
  os << digits;
}

static int precedence(char operation) { return operation == '+' || operation == '-' ? 1 : 2; }

static void print(Attribute expression, raw_ostream &os, int level);

static void printArguments(ArrayRef<ArgumentAttr> arguments, raw_ostream &os) {
  llvm::interleaveComma(arguments, os, [&](ArgumentAttr argument) {
    if (argument.isNamed()) {
      printName(argument.getName(), os);
      os << " = ";
    }
    printExpression(argument.getValue(), os);
  });
}

static void printBinary(BinaryAttr binary, raw_ostream &os, int level) {
  int own = precedence(binary.getOperation());
  os << (own < level ? "(" : "");
  print(binary.getLhs(), os, own);
  if (binary.getOperation() == '%')
    os << " mod ";
  else
    os << ' ' << binary.getOperation() << ' ';
  print(binary.getRhs(), os, own + 1);
  os << (own < level ? ")" : "");
}

/// `level`: operations that bind less than this stand in parentheses.
static void print(Attribute expression, raw_ostream &os, int level) {
  llvm::TypeSwitch<Attribute>(expression)
      .Case<IntegerAttr>([&](auto integer) { os << integer.getInt(); })
      .Case<FloatAttr>([&](auto number) { printNumber(number.getValue(), os); })
      .Case<StringAttr>([&](auto path) { printName(path, os); })
      .Case<SizeAttr>([&](auto size) { llvm::interleave(size.getParts(), os, "x"); })
      .Case<BinaryAttr>([&](auto binary) { printBinary(binary, os, level); })
      .Case<ArrayAttr>([&](auto list) {
        os << "[";
        llvm::interleaveComma(list, os, [&](Attribute element) { print(element, os, 0); });
        os << "]";
      })
      .Case<BoundAttr>([&](auto bound) {
        printName(bound.getCallee(), os);
        os << " {";
        printArguments(bound.getArguments(), os);
        os << "}";
      })
      .Case<CycleAttr>([&](auto cycle) {
        llvm::interleave(cycle.getElements(), os, [&](Attribute element) { print(element, os, 0); }, " | ");
      });
}

void kinema::arch::printExpression(Attribute expression, raw_ostream &os) { print(expression, os, 0); }

//===-- Parsing -----------------------------------------------------------===//

static Attribute parseSum(AsmParser &parser);

static FailureOr<ArgumentAttr> parseArgument(AsmParser &parser);

static ParseResult parseArgumentList(AsmParser &parser, AsmParser::Delimiter delimiter,
                                     SmallVectorImpl<ArgumentAttr> &arguments) {
  return parser.parseCommaSeparatedList(delimiter, [&]() -> ParseResult {
    FailureOr<ArgumentAttr> argument = parseArgument(parser);
    if (failed(argument))
      return failure();
    arguments.push_back(*argument);
    return success();
  });
}

/// `a.b`, and `conv3d {t = 1}`.
static Attribute parsePathOrBound(AsmParser &parser, StringRef name) {
  auto path = parser.getBuilder().getStringAttr(name);
  SmallVector<ArgumentAttr> arguments;
  if (parseArgumentList(parser, AsmParser::Delimiter::OptionalBraces, arguments))
    return {};
  if (arguments.empty())
    return path;
  return BoundAttr::get(parser.getContext(), path, arguments);
}

/// `[t, d, d]`, behind its `[`.
static Attribute parseListTail(AsmParser &parser) {
  SmallVector<Attribute> elements;
  auto parseElement = [&]() -> ParseResult {
    elements.push_back(parseSum(parser));
    return success(elements.back() != nullptr);
  };
  if (parser.parseCommaSeparatedList(parseElement) || parser.parseRSquare())
    return {};
  return parser.getBuilder().getArrayAttr(elements);
}

static Attribute parsePrimary(AsmParser &parser) {
  Builder &builder = parser.getBuilder();
  SmallVector<int64_t> parts;
  if (parser.parseDimensionList(parts, /*allowDynamic=*/false, /*withTrailingX=*/false))
    return {};
  if (parts.size() == 1)
    return builder.getI64IntegerAttr(parts.front());
  if (!parts.empty())
    return SizeAttr::get(parser.getContext(), parts);
  if (succeeded(parser.parseOptionalLSquare()))
    return parseListTail(parser);
  if (succeeded(parser.parseOptionalLParen())) {
    Attribute inner = parseSum(parser);
    return inner && succeeded(parser.parseRParen()) ? inner : Attribute();
  }
  std::string name;
  if (succeeded(parser.parseOptionalKeywordOrString(&name)))
    return parsePathOrBound(parser, name);
  double number;
  if (parser.parseFloat(number))
    return {};
  return builder.getF64FloatAttr(number);
}

static std::optional<char> parseProductOperator(AsmParser &parser) {
  if (succeeded(parser.parseOptionalStar()))
    return '*';
  if (succeeded(parser.parseOptionalSlash()))
    return '/';
  if (succeeded(parser.parseOptionalKeyword("mod")))
    return '%';
  return std::nullopt;
}

static std::optional<char> parseSumOperator(AsmParser &parser) {
  if (succeeded(parser.parseOptionalPlus()))
    return '+';
  if (succeeded(parser.parseOptionalMinus()))
    return '-';
  return std::nullopt;
}

static Attribute parseOperations(AsmParser &parser, Attribute (*parseOperand)(AsmParser &),
                                 std::optional<char> (*parseOperator)(AsmParser &)) {
  Attribute result = parseOperand(parser);
  while (result) {
    std::optional<char> operation = parseOperator(parser);
    if (!operation)
      break;
    Attribute rhs = parseOperand(parser);
    result = rhs ? BinaryAttr::get(parser.getContext(), *operation, result, rhs) : Attribute();
  }
  return result;
}

static Attribute parseProduct(AsmParser &parser) {
  return parseOperations(parser, parsePrimary, parseProductOperator);
}

static Attribute parseSum(AsmParser &parser) {
  return parseOperations(parser, parseProduct, parseSumOperator);
}

Attribute kinema::arch::parseExpression(AsmParser &parser) { return parseSum(parser); }

/// What follows a first element: `| b | c`.
static Attribute parseCycleTail(AsmParser &parser, Attribute first) {
  SmallVector<Attribute> elements = {first};
  while (elements.back() && succeeded(parser.parseOptionalVerticalBar()))
    elements.push_back(parseSum(parser));
  if (!elements.back())
    return {};
  return elements.size() == 1 ? first : CycleAttr::get(parser.getContext(), elements);
}

static Attribute parseCycle(AsmParser &parser) {
  Attribute first = parseSum(parser);
  return first ? parseCycleTail(parser, first) : Attribute();
}

static FailureOr<ArgumentAttr> parseArgument(AsmParser &parser) {
  Attribute first = parseSum(parser);
  if (!first)
    return failure();
  auto name = dyn_cast<StringAttr>(first);
  bool named = name && succeeded(parser.parseOptionalEqual());
  Attribute value = named ? parseCycle(parser) : parseCycleTail(parser, first);
  if (!value)
    return failure();
  return ArgumentAttr::get(parser.getContext(), named ? name : parser.getBuilder().getStringAttr(""), value);
}

//===-- Attributes --------------------------------------------------------===//

template <typename AttrType, typename Parse> static Attribute parseInAngles(AsmParser &parser, Parse parse) {
  SMLoc where = parser.getCurrentLocation();
  if (parser.parseLess())
    return {};
  Attribute result = parse();
  if (!result || parser.parseGreater())
    return {};
  if (!isa<AttrType>(result)) {
    parser.emitError(where, "expected a different expression here");
    return {};
  }
  return result;
}

static void printInAngles(AsmPrinter &printer, Attribute expression) {
  printer << "<";
  printExpression(expression, printer.getStream());
  printer << ">";
}

#define KINEMA_EXPRESSION(ATTR, PARSE)                                                                       \
  Attribute ATTR::parse(AsmParser &parser, Type) {                                                           \
    return parseInAngles<ATTR>(parser, [&] { return PARSE(parser); });                                       \
  }                                                                                                          \
  void ATTR::print(AsmPrinter &printer) const { printInAngles(printer, *this); }
KINEMA_EXPRESSION(SizeAttr, parseSum)
KINEMA_EXPRESSION(BinaryAttr, parseSum)
KINEMA_EXPRESSION(BoundAttr, parseSum)
KINEMA_EXPRESSION(CycleAttr, parseCycle)
#undef KINEMA_EXPRESSION

Attribute ArgumentAttr::parse(AsmParser &parser, Type) {
  return parseInAngles<ArgumentAttr>(parser, [&]() -> Attribute {
    FailureOr<ArgumentAttr> argument = parseArgument(parser);
    return succeeded(argument) ? Attribute(*argument) : Attribute();
  });
}

void ArgumentAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printArguments({*this}, printer.getStream());
  printer << ">";
}

static ParameterAttr parseParameter(AsmParser &parser) {
  std::string name;
  StringRef type;
  SMLoc where = parser.getCurrentLocation();
  if (parser.parseKeywordOrString(&name) || parser.parseColon() || parser.parseKeyword(&type))
    return {};
  Attribute defaultValue;
  if (succeeded(parser.parseOptionalEqual()) && !(defaultValue = parseSum(parser)))
    return {};
  Builder &builder = parser.getBuilder();
  return parser.getChecked<ParameterAttr>(where, parser.getContext(), builder.getStringAttr(name),
                                          builder.getStringAttr(type), defaultValue);
}

static void printParameter(ParameterAttr parameter, raw_ostream &os) {
  printName(parameter.getName(), os);
  os << ": " << parameter.getType().getValue();
  if (parameter.getDefaultValue()) {
    os << " = ";
    printExpression(parameter.getDefaultValue(), os);
  }
}

Attribute ParameterAttr::parse(AsmParser &parser, Type) {
  return parseInAngles<ParameterAttr>(parser, [&]() -> Attribute { return parseParameter(parser); });
}

void ParameterAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printParameter(*this, printer.getStream());
  printer << ">";
}

LogicalResult SizeAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> parts) {
  if (parts.size() < 2 || llvm::any_of(parts, [](int64_t part) { return part < 0; }))
    return emitError() << "a size has two or more parts, none negative";
  return success();
}

LogicalResult BinaryAttr::verify(function_ref<InFlightDiagnostic()> emitError, char operation, Attribute lhs,
                                 Attribute rhs) {
  if (!StringRef("+-*/%").contains(operation))
    return emitError() << "'" << StringRef(&operation, 1) << "' is none of + - * / %";
  if (!isExpression(lhs) || !isExpression(rhs))
    return emitError() << "an operation's operands are expressions";
  return success();
}

LogicalResult CycleAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<Attribute> elements) {
  if (elements.size() < 2 || !llvm::all_of(elements, [](Attribute e) { return isExpression(e); }))
    return emitError() << "a cycle has two or more expressions";
  return success();
}

LogicalResult ParameterAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringAttr name,
                                    StringAttr type, Attribute defaultValue) {
  static constexpr StringLiteral types[] = {"int",  "number", "size",  "flag",
                                            "word", "unit",   "block", "value"};
  if (!llvm::is_contained(types, type.getValue()))
    return emitError() << "parameter '" << name.getValue() << "' has the unknown type '" << type.getValue()
                       << "'";
  if (defaultValue && !isExpression(defaultValue))
    return emitError() << "the default of '" << name.getValue() << "' is no expression";
  return success();
}

//===-- Parts of operations -----------------------------------------------===//

namespace kinema::arch {

ParseResult parseExpression(OpAsmParser &parser, Attribute &expression) {
  expression = parseSum(parser);
  return success(expression != nullptr);
}
void printExpression(OpAsmPrinter &printer, Operation *, Attribute expression) {
  printExpression(expression, printer.getStream());
}

ParseResult parseWord(OpAsmParser &parser, StringAttr &word) {
  std::string text;
  if (parser.parseKeywordOrString(&text))
    return failure();
  word = parser.getBuilder().getStringAttr(text);
  return success();
}
void printWord(OpAsmPrinter &printer, Operation *, StringAttr word) { printName(word, printer.getStream()); }

ParseResult parseLabelledHead(OpAsmParser &parser, StringAttr &label, StringAttr &head) {
  if (parseWord(parser, head))
    return failure();
  if (failed(parser.parseOptionalColon()))
    return success();
  label = head;
  return parseWord(parser, head);
}
void printLabelledHead(OpAsmPrinter &printer, Operation *, StringAttr label, StringAttr head) {
  if (label) {
    printName(label, printer.getStream());
    printer << ": ";
  }
  printName(head, printer.getStream());
}

ParseResult parseArguments(OpAsmParser &parser, ArrayAttr &arguments) {
  SmallVector<ArgumentAttr> parsed;
  if (parseArgumentList(parser, AsmParser::Delimiter::Paren, parsed))
    return failure();
  arguments = ArrayAttr::get(parser.getContext(), SmallVector<Attribute>(parsed.begin(), parsed.end()));
  return success();
}
void printArguments(OpAsmPrinter &printer, Operation *, ArrayAttr arguments) {
  printer << "(";
  ::printArguments(llvm::to_vector(arguments.getAsRange<ArgumentAttr>()), printer.getStream());
  printer << ")";
}

ParseResult parseParameters(OpAsmParser &parser, ArrayAttr &parameters) {
  SmallVector<Attribute> parsed;
  auto parseOne = [&]() -> ParseResult {
    parsed.push_back(parseParameter(parser));
    return success(parsed.back() != nullptr);
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseOne))
    return failure();
  parameters = ArrayAttr::get(parser.getContext(), parsed);
  return success();
}
void printParameters(OpAsmPrinter &printer, Operation *, ArrayAttr parameters) {
  printer << "(";
  llvm::interleaveComma(parameters.getAsRange<ParameterAttr>(), printer.getStream(),
                        [&](ParameterAttr parameter) { printParameter(parameter, printer.getStream()); });
  printer << ")";
}

} // namespace kinema::arch
