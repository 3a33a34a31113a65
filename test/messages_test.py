"""Checks that tests see each message of an error: a message that no test expects may be wrong, or never come.

usage: messages_test.py SOURCE_FOLDER

A message is the text of a call that reports (REPORTS) or of a variable that becomes one (TEXTS); what is between
its placeholders are its fragments. Tests see it if they expect one of its fragments, or a part at the beginning or end
of what they expect that no other message has.
"""
import os
import re
import sys

PARTS = ("compiler", "dialects", "dsl", "runtime", "tools")
# These functions report, or take a part of a message.
REPORTS = (
    "emitError", "emitOpError", "emitWarning", "emitOptionalError", "createStringError", "fail", "failAt", "fault", "refuse", "violate",
    "violateAt", "error", "warning", "warn", "complain", "unexpected", "giveUp", "wrong", "expect", "verifyNamed",
    "Error", "TooSlow")
TEXTS = ("message", "problem", "problems", "hint", "why", "what", "error", "diagnostic", "note")
CALL = re.compile(rf"\b(?:{'|'.join(REPORTS)})\(|\b(?:{'|'.join(TEXTS)})\s*(?:\+=|=|<<)(?!=)")
TOKEN = re.compile(r'R"(?P<mark>\w*)\((?P<raw>.*?)\)(?P=mark)"|"(?P<plain>(?:[^"\\\n]|\\.)*)"|\'(?:[^\'\\]|\\.)+\'|//[^\n]*|/\*.*?\*/', re.S)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
# A fragment of two words is long enough to be found by.
TELLING = re.compile(r"(?=.{9})\W*\w+\W+\w", re.S)

# No test expects these: a check that finds one of them has gone blind.
PLANTED = ("the kernel is made of cheese", "more than a dozen unicorns")

# No test can see these messages: a fragment of each, and why.
NO_MEMORY = "the system must have run out of memory, addresses or threads, which a test cannot bring about everywhere"
BROKEN_DISK = "a file that was opened must not be readable: its disk fails"
OTHER_FFMPEG = "it is for an FFmpeg that was built without what Debian's has"
OLD_DRIVER = "it is for a driver of before CUDA 12, in whose place the tests have none"
OWN_FAULT = "it is for a fault of the compiler's own, of which none is known: what leads to it is refused before"
NOT_WRITABLE = "it has no text: only a program that builds the attribute could bring it about, and none does"
UNSEEN = {
    "; ask for fewer with --threads": NO_MEMORY,
    "bytes for a fiber's stack:": NO_MEMORY,
    "bytes for shared memory:": NO_MEMORY,
    "bytes cannot be compressed": NO_MEMORY,
    ": cannot be read:": BROKEN_DISK,
    "in pixel format '": OTHER_FFMPEG,
    ": a picture could not be converted to RGB": OTHER_FFMPEG,
    ": this FFmpeg has no H.264 encoder (libx264)": OTHER_FFMPEG,
    ": no conversion from RGB to H.264's pixels": OTHER_FFMPEG,
    "needs a driver that knows tensor maps": OLD_DRIVER,
    "' failed in pass '": OWN_FAULT,
    "no reproducer, for '": OWN_FAULT,
    "the value of": OWN_FAULT,
    "is left over: nothing lowers": OWN_FAULT,
    "the kernels do not translate to LLVM IR for": OWN_FAULT,
    "LLVM cannot write such files for this machine": OWN_FAULT,
    "a training step is told at least one number": NOT_WRITABLE,
    "a window's padding is not negative": NOT_WRITABLE,
    "this rank no longer waits for the others": "it ends a thread whose error nobody asks for: the rank has another one already",
    "name a folder on a disk of this machine": "it is for a file system that has no locks, such as some that are mounted over a network",
    "gradients are more than ranks can round together": "a bucket of so many takes 17 GB, which tests do not have",
    "cannot find this program's own file": "the system tells a program its name even where /proc is not mounted",
}


def unescaped(text):
    return re.sub(r"\\(.)", lambda match: ESCAPES.get(match.group(1), match.group(1)), text)


def statement(code, start):
    """Returns where the statement ends that goes on at `start`."""
    depth, at = 0, start
    while at < len(code):
        token = TOKEN.match(code, at)
        if token:
            at = token.end()
            continue
        if code[at] in "([{":
            if code[at] == "{" and depth == 0:
                return at
            depth += 1
        elif code[at] in ")]}":
            depth -= 1
            if depth < 0:
                return at
        elif code[at] == ";" and depth <= 0:
            return at
        at += 1
    return at


def literals(code):
    """Returns the literals of a piece of code; those beside each other are one."""
    found, end = [], None
    for token in TOKEN.finditer(code):
        text = token.group("raw")
        if token.group("plain") is not None:
            text = unescaped(token.group("plain"))
        if text is None:
            if token.group().startswith("/") and end is not None:
                end = token.end() if not code[end:token.start()].strip() else end
            continue
        if found and end is not None and not code[end:token.start()].strip():
            found[-1] += text
        else:
            found.append(text)
        end = token.end()
    return found


def fragments(literal):
    parts = re.split(r"\{[^{}\s]*\}", literal.replace("{{", "\1").replace("}}", "\2"))
    return [part.replace("\1", "{").replace("\2", "}") for part in parts]


def without_comments(code):
    return TOKEN.sub(lambda token: re.sub(r"[^\n]", " ", token.group()) if token.group().startswith("/") else token.group(), code)


def messages(code):
    """Yields (line, fragments) for each message of a source."""
    code = without_comments(code)
    last = -1
    for call in CALL.finditer(code):
        if call.start() < last:
            continue
        end = statement(code, call.end())
        if call.group().endswith("("):
            end = statement(code, end + 1) if end < len(code) and code[end] == ")" else end
        found = [part.strip() for text in literals(code[call.start():end]) for part in fragments(text)]
        found = [part for part in found if TELLING.match(part)]
        if found:
            last = end
            yield code.count("\n", 0, call.start()) + 1, found


def expectations(root):
    """Returns the texts of the tests, without what C++ puts between the parts of a literal."""
    texts = []
    for folder, _, files in os.walk(os.path.join(root, "test")):
        for file in files:
            if file == os.path.basename(__file__) or not file.endswith((".cpp", ".h", ".py", ".test", ".mlir", ".arch")):
                continue
            with open(os.path.join(folder, file), encoding="utf-8") as opened:
                text = opened.read()
            if file.endswith((".cpp", ".h")):
                texts += literals(without_comments(text))
            else:
                texts.append(re.sub(r'"\s*\n\s*f?"', "", text) if file.endswith(".py") else text)
    return texts


def parts_of(texts):
    """Yields the pieces of expectations that are short enough to be a message's part."""
    for text in texts:
        for line in text.split("\n"):
            line = re.sub(r"^.*?(?:expected-(?:error|warning|note|remark)[^{]*\{\{|[A-Z][\w-]*: )", "", line)
            for piece in re.split(r"\{\{.*?\}\}|\}\}|\.\*|[\"`]", line):
                if TELLING.match(piece.strip()):
                    yield piece.strip()


class Expectations:
    def __init__(self, texts, messages):
        self.text = "\n".join(texts)
        self.pieces = "\n" + "\n".join(set(parts_of(texts))) + "\n"
        self.messages = set(messages)

    def sees(self, fragment):
        if fragment in self.text:
            return True
        # What a test expects may begin before the fragment, or end behind it, or both.
        lengths = range(9, len(fragment))
        return (any(self.has_piece(fragment[:length], "", "\n") for length in lengths if fragment[:9] in self.pieces)
                or any(self.has_piece(fragment[-length:], "\n", "") for length in lengths if fragment[-9:] in self.pieces)
                or any(self.is_telling(piece) for piece in self.pieces.split("\n") if len(piece) > 8 and piece in fragment))

    def has_piece(self, part, before, after):
        return before + part + after in self.pieces and self.is_telling(part)

    def is_telling(self, part):
        return TELLING.match(part) and sum(part in message for message in self.messages) == 1


def main():
    root = sys.argv[1]
    found = []
    for part in PARTS:
        for folder, _, files in os.walk(os.path.join(root, part)):
            for file in sorted(files):
                if file.endswith((".cpp", ".h")):
                    path = os.path.join(folder, file)
                    with open(path, encoding="utf-8") as opened:
                        found += [(os.path.relpath(path, root), line, parts) for line, parts in messages(opened.read())]
    seen = Expectations(expectations(root), ["\n".join(parts) for _, _, parts in found])
    unseen = [message for message in found if not any(seen.sees(part) for part in message[2])]
    complaints, used = [f"a test sees {text!r}, which nobody says" for text in PLANTED if seen.sees(text)], set()
    for path, line, parts in unseen:
        argued = [text for text in UNSEEN if any(text in part for part in parts)]
        used.update(argued)
        if not argued:
            complaints.append(f"{path}:{line}: no test sees: {' ... '.join(parts)}")
    complaints += [f"{text!r} is seen, or is no message any more: it needs no reason" for text in UNSEEN if text not in used]
    print("\n".join(complaints) or f"tests see all but {len(unseen)} of {len(found)} messages, for each of which there is a reason")
    sys.exit(bool(complaints) or len(found) < 300)


if __name__ == "__main__":
    main()
