"""Talks to `kinema lsp` as editors do: what it answers about one spec, about all networks, and while texts are edited at random.

usage: lsp_test.py KINEMA MODELS [--edits N] [--seed N]

The last line tells the slowest answer of each kind.
"""
import argparse
import collections
import glob
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

SPEC = """\
# Squeeze and excitation.
block se r=16 {
  mul {
    identity
    pool avg global -> squeeze: conv 1x1x1 ch=in.c/r bn=off -> conv 1x1x1 ch=in.c bn=off act=sigmoid
  }
}
network small classes=10 frames=8 {
  input rgb [3 frames 32 32]
  stem: conv(2+1)d d=3 ch=16
  let n = 2*stem.c
  mid: stage conv3d ch=n x2 stride=2 block=(bottleneck inner=8)
  se r=4
  more: se
  from mid -> pool avg global
  fc classes
}
train {
  rate 0.1 warmup=0
}
"""
SECONDS = 20  # after which an answer is lost
WORD = re.compile(r"[A-Za-z_]\w*(\(\d+\+\d+\)\w*)?|\d+|\S")
STRANGE = ["{", "}", "(", ")", "[", "]", "->", "|", "=", ":", ".", "from ", "stream s {", "set conv.", "let x = ", "use csn\n", "block b { _: b }\n",
           "x4096 ", "residual { ", "in.", "\n", "#", "\\\n", "\t", "\u00e9", "\U0001f600", "\0", "1x", "3x3x3 ", "global ", "%", "\r\n", " "]


class Editor:
    """An editor with one server."""

    def __init__(self, kinema, folder):
        environment = dict(os.environ, XDG_CACHE_HOME=folder)
        self.server = subprocess.Popen([os.path.abspath(kinema), "lsp", "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       env=environment, cwd=folder)
        self.number = 0
        self.slowest = collections.defaultdict(float)
        signal.signal(signal.SIGALRM, self.lost)

    def lost(self, *_):
        self.server.kill()
        sys.exit(f"no answer in {SECONDS} seconds")

    def send(self, **message):
        body = json.dumps(dict(message, jsonrpc="2.0")).encode()
        self.server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.server.stdin.flush()

    def read(self):
        signal.alarm(SECONDS)
        length = 0
        while True:
            line = self.server.stdout.readline()
            if not line:
                sys.exit(f"the server has ended with status {self.server.wait()}")
            if line == b"\r\n":
                break
            if line.startswith(b"Content-Length:"):
                length = int(line.split(b":")[1])
        message = json.loads(self.server.stdout.read(length))
        signal.alarm(0)
        return message

    def ask(self, method, **params):
        """Returns the answer to a request: its result, or its error's message."""
        self.number += 1
        start = time.monotonic()
        self.send(id=self.number, method=method, params=params)
        answer = self.read()
        self.slowest[method] = max(self.slowest[method], time.monotonic() - start)
        assert answer["id"] == self.number, answer
        return answer["result"] if "result" in answer else answer["error"]["message"]

    def put(self, method, path, text, version=1):
        """Opens or changes a text; returns its diagnostics."""
        document = {"uri": "file://" + path, "languageId": "kinema", "version": version}
        start = time.monotonic()
        if method == "didOpen":
            self.send(method="textDocument/didOpen", params={"textDocument": dict(document, text=text)})
        else:
            self.send(method="textDocument/didChange", params={"textDocument": document, "contentChanges": [{"text": text}]})
        answer = self.read()
        self.slowest[method] = max(self.slowest[method], time.monotonic() - start)
        assert answer["method"] == "textDocument/publishDiagnostics" and answer["params"]["version"] == version, answer
        return answer["params"]["diagnostics"]

    def close(self, path):
        self.send(method="textDocument/didClose", params={"textDocument": {"uri": "file://" + path}})
        assert self.read()["params"]["diagnostics"] == []

    def quit(self):
        assert self.ask("shutdown") is None
        self.send(method="exit")
        expect(self.server.wait(), 0, "the status after shutdown and exit")


def check_ends(kinema):
    """An editor that goes away without a word, and what is no message."""
    for sent in (b"", b"Content-Length: 2\r\n\r\n{}", b"Content-Length: 9\r\n\r\nno object", b"nonsense\r\n\r\n", b"Content-Length: 99\r\n\r\n{}"):
        run = subprocess.run([kinema, "lsp"], input=sent, capture_output=True, timeout=SECONDS)
        expect(run.returncode, 1, f"the status after {sent}")


class Text:
    """An open text, asked at places that are given by what stands there."""

    def __init__(self, editor, path, text):
        self.editor, self.path, self.text = editor, path, text
        self.version = 1
        self.diagnostics = editor.put("didOpen", path, text)

    def change(self, text):
        self.version += 1
        self.text = text
        self.diagnostics = self.editor.put("didChange", self.path, text, self.version)
        return self.diagnostics

    def place(self, offset):
        before = self.text[:offset]
        line = before[before.rfind("\n") + 1:]
        return {"line": before.count("\n"), "character": len(line.encode("utf-16-le")) // 2}

    def after(self, text):
        """Returns the place behind the first `text`, or behind that part of it that stands before a `^`."""
        part = text.split("^")[0]
        return self.place(self.text.index(text.replace("^", "")) + len(part))

    def ask(self, method, at=None, **params):
        document = {"textDocument": {"uri": "file://" + self.path}}
        if at is not None:
            document["position"] = at if isinstance(at, dict) else self.after(at)
        return self.editor.ask("textDocument/" + method, **document, **params)

    def cut(self, area):
        """Returns what stands in a range of one line."""
        line = self.text.split("\n")[area["start"]["line"]].encode("utf-16-le")
        return line[2 * area["start"]["character"]:2 * area["end"]["character"]].decode("utf-16-le")

    def hints(self):
        whole = {"start": {"line": 0, "character": 0}, "end": {"line": 10**6, "character": 0}}
        return self.ask("inlayHint", range=whole)

    def labels(self, at):
        return [item["label"] for item in self.ask("completion", at)["items"]]

    def applied(self, edits):
        """Returns the text after edits, the last of which comes first."""
        lines = self.text.split("\n")
        for edit in sorted(edits, key=lambda edit: (edit["range"]["start"]["line"], edit["range"]["start"]["character"]), reverse=True):
            first, last = edit["range"]["start"], edit["range"]["end"]
            joined = lines[first["line"]][:first["character"]] + edit["newText"] + lines[last["line"]][last["character"]:]
            lines[first["line"]:last["line"] + 1] = joined.split("\n")
        return "\n".join(lines)


def expect(found, wanted, what):
    assert found == wanted, f"{what}: found {found!r}, expected {wanted!r}"


def check_hover(text):
    def hover(at):
        answer = text.ask("hover", at)
        return answer["contents"]["value"] if answer else ""

    stem = hover("stem: conv^(2+1)d")
    assert "unit conv(2+1)d t=3 d=3 ch stride:size=1" in stem and "A conv in space, BN and ReLU" in stem, stem
    assert "`3x8x32x32 → 16x8x32x32` · M_i = 17 · 1,341 parameters" in stem and "multiply-adds a clip" in stem, stem
    assert "Squeeze and excitation." in hover("\n  s^e r=4") and "block se r=16" in hover("\n  s^e r=4")
    assert "called 2 times" in hover("    ident^ity"), hover("    ident^ity")
    assert "of block 'se'" in hover("se r^=4"), hover("se r^=4")
    assert "let n = 2*stem.c" in hover("let n^"), hover("let n^")
    assert "The learning rate after the warm-up" in hover("ra^te 0.1") and "train.warmup" in hover("warm^up=0")
    assert "conv k:size ch stride:size=1" in hover("squeeze: con^v"), hover("squeeze: con^v")
    assert "1,341" not in hover("network sma^ll") and " parameters · " in hover("network sma^ll")
    expect(text.ask("hover", "# Squeeze^"), None, "hover in a comment")


def check_definition(text, folder):
    def definition(at):
        return [(os.path.basename(place["uri"]), place["range"]["start"]["line"]) for place in text.ask("definition", at)]

    expect(definition("\n  s^e r=4"), [("small.arch", 1)], "a block of the text")
    expect(definition("se r^=4"), [("small.arch", 1)], "its parameter")
    expect(definition("from mi^d"), [("small.arch", 11)], "a label")
    expect(definition("2*ste^m.c"), [("small.arch", 9)], "a label in a number")
    expect(definition("ch=n^ x2"), [("small.arch", 10)], "a let")
    expect(definition("frames^ 32"), [("small.arch", 7)], "a parameter of the network")
    expect(definition("pool^ avg"), [], "an operation")
    (block, line), = definition("(bottle^neck")
    expect(block, "prelude.arch", "a block of the library")
    with open(os.path.join(folder, "kinema", "library", block)) as file:
        assert file.read().split("\n")[line].startswith("block bottleneck "), line
    expect([text.cut(place["range"]) for place in text.ask("references", "stem^:", context={"includeDeclaration": True})], ["stem"] * 2, "references")
    expect(len(text.ask("references", "stem^:", context={"includeDeclaration": False})), 1, "references without the declaration")


def check_rename(text):
    def renamed(at, name):
        answer = text.ask("rename", at, newName=name)
        return answer if isinstance(answer, str) else text.applied(answer["changes"]["file://" + text.path])

    expect(renamed("stem^:", "first"), text.text.replace("stem", "first"), "a label")
    expect(renamed("\n  s^e r=4", "gate"), text.text.replace("se r=16", "gate r=16").replace("  se", "  gate").replace("more: se", "more: gate"), "a block")
    expect(renamed("r^=4", "by"), text.text.replace("se r=", "se by=").replace("in.c/r", "in.c/by"), "a parameter")
    expect(renamed("let n^", "m"), text.text.replace("let n", "let m").replace("ch=n", "ch=m"), "a let")
    expect(text.ask("prepareRename", "ste^m:"),
           {"placeholder": "stem", "range": {"start": {"line": 9, "character": 2}, "end": {"line": 9, "character": 6}}}, "what is renamed")
    expect(renamed("let n^", "frames"), "with the name 'frames' the text would have an error: 'frames' is defined already", "a name that is there")
    expect(renamed("let n^", "in"), "'in' cannot be a name", "a word of the language")
    expect(renamed("let n^", "a b"), "'a b' cannot be a name", "two words")
    expect(renamed("squ^eeze", "x3"), "'x3' cannot be a name", "a number of copies")
    text.change(SPEC.replace("act=sigmoid", "act=swish") + "act twice(x) = 2 * x\n")
    expect(renamed("tw^ice", "swish"), "with the name 'swish' words of the text would mean something else", "a name of the library")
    text.change(SPEC)
    expect(renamed("pool^", "p"), "'pool' is a word of the language", "an operation")
    expect(renamed("(bottle^neck", "p").split(" in ")[0], "'bottleneck' is defined", "a block of the library")
    expect(renamed("# Squ^eeze", "p"), "there is no name here that is known", "a comment")


def check_completion(text):
    def added(line, at):
        """Returns what is offered in a line that is added to the network."""
        text.change(SPEC.replace("  more: se\n", "  more: se\n" + line + "\n"))
        return text.labels(at)

    labels = added("  ", "  more: se\n  ^")
    assert {"let", "from", "conv", "conv3d", "se", "stage", "bottleneck"} <= set(labels) and "stem" not in labels, labels
    labels = added("  conv3d ", "  conv3d ^")
    assert {"t=", "d=", "ch=", "stride=", "same="} <= set(labels) and "k=" not in labels, labels
    assert "ch=" not in added("  conv3d ch=3 ", "  conv3d ch=3 ^")
    labels = added("  stage conv3d ", "  stage conv3d ^")
    assert {"block=", "ch=", "t="} <= set(labels), labels
    expect(added("  conv3d ch=3 bn=", "bn=^\n"), ["on", "off", "auto"], "a flag")
    labels = added("  conv3d ch=3 act=", "act=^\n")
    assert {"relu", "none", "swish"} <= set(labels) and "add" not in labels and "sub" not in labels, labels
    labels = added("  from ", "  from ^\n")
    assert {"stem", "mid"} <= set(labels) and "conv" not in labels, labels
    labels = added("  from mid.", "  from mid.^")
    assert {"c", "t", "h", "w"} <= set(labels), labels
    labels = added("  set conv.", "  set conv.^")
    assert {"k=", "pad=", "act="} <= set(labels) and "t" not in labels, labels
    expect(added("  set none_such.", "none_such.^"), [], "a parameter of nothing")
    labels = added("  pool ", "  pool ^\n")
    assert {"max", "avg", "global", "how="} <= set(labels), labels
    expect(added("  # co", "  # co^"), [], "a comment")
    text.change(SPEC + "use ")
    assert {"csn", "movinet", "r3d_18"} <= set(text.labels("\nuse ^")) and "prelude" not in text.labels("\nuse ^")
    text.change(SPEC + "block b a:")
    expect(text.labels("block b a:^"), ["int", "number", "size", "flag", "word", "unit", "block", "value"], "types")
    text.change(SPEC + "\n")
    expect(text.labels("}\n^\n"), ["use", "unit", "block", "network", "act", "data", "train", "eval", "compute"], "parts of a file")
    text.change(SPEC.replace("warmup=0", "schedule="))
    assert "cosine" in text.labels("schedule=^")
    text.change(SPEC.replace("warmup=0", ""))
    assert {"warmup=", "every="} <= set(text.labels("rate 0.1 ^")), text.labels("rate 0.1 ^")
    text.change(SPEC.replace("rate 0.1 warmup=0", ""))
    assert {"rate", "adamw", "sgd", "batch"} <= set(text.labels("train {\n  ^"))


def check_diagnostics(text):
    found = text.change(SPEC.replace("ch=16", "chan=16 \U0001f600"))
    expect([(text.cut(each["range"]), each["severity"]) for each in found], [("\U0001f600", 1)], "a strange character")
    found = text.change(SPEC.replace("d=3 ch=16", "d=3 chan=16").replace("  fc classes", "  fc 3.5"))
    expect([text.cut(each["range"]) for each in found], ["chan", "3.5"], "several errors")
    assert "has no parameter 'chan'" in found[0]["message"] and "did you mean 'ch'?" in found[0]["message"], found
    found = text.change(SPEC.replace("  fc classes", "  fc 3"))
    expect([(text.cut(each["range"]), each["severity"]) for each in found], [("classes", 2)], "a warning")
    # The network is expanded, so that sizes are checked; an error in the library stands at the call that leads there.
    found = text.change(SPEC.replace("from mid -> pool avg global", "from mid -> pool avg 9x9x9"))
    expect([text.cut(each["range"]) for each in found], ["9x9x9"], "a window that does not fit")
    found = text.change(SPEC.replace("  more: se\n", "  mean_of 9 before=0 behind=0\n"))
    assert [text.cut(each["range"]) for each in found] == ["mean_of"] * 2 and found[0]["relatedInformation"][0]["location"]["uri"].endswith("/prelude.arch"), found
    expect(text.change("block b { relu }\n"), [], "a file of the library")
    expect(text.change("block b { _: b }\n")[0]["message"].split("\n")[0], "block 'b' calls itself", "a circle")
    expect(text.change(SPEC), [], "no errors")


def check_spec(editor, folder):
    text = Text(editor, os.path.join(folder, "small.arch"), SPEC)
    expect(text.diagnostics, [], "the spec")
    check_hover(text)
    check_definition(text, folder)
    check_rename(text)
    hints = {hint["position"]["line"]: hint["label"] for hint in text.hints()}
    expect({line: hints.get(line) for line in (3, 4, 8, 9, 10, 11, 13, 15)},
           {3: "32x4x16x16", 4: "32x1x1x1", 8: "3x8x32x32", 9: "16x8x32x32", 10: None, 11: "32x4x16x16", 13: "32x4x16x16", 15: "10x1x1x1"}, "hints")
    symbols = text.ask("documentSymbol")
    expect([(symbol["name"], [child["name"] for child in symbol.get("children", [])]) for symbol in symbols],
           [("se", ["squeeze"]), ("small", ["stem", "mid", "more"]), ("train", [])], "symbols")
    check_diagnostics(text)
    check_completion(text)
    wide = SPEC.replace("  se r=4", "     se   r = 4\n\n\n")
    text.change(wide)
    expect(text.applied(text.ask("formatting", options={})), SPEC.replace("  se r=4", "  se r=4\n"), "the house style")
    text.change(SPEC + "}")
    expect(text.ask("formatting", options={}), [], "a text with an error")
    editor.close(text.path)
    expect(text.ask("hover", "mid"), None, "a text that is closed")


def check_other_texts(editor, folder):
    """What is edited counts before what the disk has."""
    path = os.path.join(folder, "blocks.arch")
    with open(path, "w") as file:
        file.write("block last ch { fc ch }\n")
    text = Text(editor, os.path.join(folder, "user.arch"),
                "use blocks\nnetwork user classes=10 {\n  input rgb 3x4x8x8\n  stream a { fc classes }\n  last classes\n  add a\n}\n"
                "train {\n  loss cross_entropy a\n}\n")
    expect(text.diagnostics, [], "a text that uses a file")
    expect([place["uri"] for place in text.ask("definition", "la^st")], ["file://" + path], "the file that is used")
    edits = text.ask("rename", "stream a^", newName="side")["changes"]["file://" + text.path]
    expect(text.applied(edits), text.text.replace("stream a", "stream side").replace("add a", "add side").replace("entropy a", "entropy side"), "a stream with a loss")
    blocks = Text(editor, path, "block last ch { fc ch }\n")
    expect(editor.read()["params"]["diagnostics"], [], "the text, after the file was opened")
    blocks.change("block final ch { fc ch }\n")
    answer = editor.read()["params"]
    expect((answer["uri"], [each["message"].split("\n")[0] for each in answer["diagnostics"]]),
           ("file://" + text.path, ["no operation, unit or block is called 'last'"]), "the text, after the file was changed")
    editor.close(path)
    expect(editor.read()["params"]["diagnostics"], [], "the text, after the file was closed")
    editor.close(text.path)


def ask_all(text, place):
    """Asks all that an editor asks where somebody types."""
    for method in ("hover", "definition", "completion", "prepareRename"):
        text.ask(method, place)
    text.ask("references", place, context={"includeDeclaration": True})
    text.ask("documentSymbol")
    text.ask("formatting", options={})
    text.hints()


def check_networks(editor, paths):
    """Asks about words of all networks; returns their texts."""
    texts = []
    for path in paths:
        with open(path) as file:
            text = Text(editor, path, file.read())
        texts.append(text)
        expect([each for each in text.diagnostics if each["severity"] == 1], [], path)
        expect(text.ask("formatting", options={}), [], path)
        words = [match.start() for match in WORD.finditer(text.text)]
        for start in words[::17]:
            ask_all(text, text.place(start))
        if "\nnetwork" in text.text and os.sep + "lib" + os.sep not in path:
            assert any(hint["label"].endswith("x1x1x1") for hint in text.hints()), path
        editor.close(path)
    return texts


def mutated(text, draw):
    at = draw.randrange(len(text) + 1)
    how = draw.randrange(4)
    if how == 0:
        return text[:at] + draw.choice(STRANGE) + text[at:], at
    if how == 1:
        return text[:at] + text[at + draw.randint(1, 30):], at
    if how == 2:
        lines = text.split("\n")
        one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
        return "\n".join(lines), at
    other = draw.randrange(len(text) + 1)
    return text[:at] + text[other:other + draw.randint(1, 60)] + text[at:], at


def check_edits(editor, texts, count, draw):
    """Edits at random, mostly what was edited before, and asks all at the place of the edit."""
    text = None
    for _ in range(count):
        if text is None or draw.random() < 0.2:
            if text is not None:
                editor.close(text.path)
            chosen = draw.choice(texts)
            text = Text(editor, chosen.path, chosen.text)
        changed, at = mutated(text.text, draw)
        text.change(changed)
        ask_all(text, text.place(min(at, len(changed))))
        text.ask("rename", text.place(min(at, len(changed))), newName="renamed")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kinema")
    parser.add_argument("models")
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    paths = [os.path.abspath(path) for path in sorted(glob.glob(os.path.join(options.models, "**", "*.arch"), recursive=True))]
    assert len(paths) > 50, paths
    check_ends(options.kinema)
    with tempfile.TemporaryDirectory() as folder:
        editor = Editor(options.kinema, folder)
        assert editor.ask("initialize", capabilities={})["capabilities"]["hoverProvider"]
        editor.send(method="initialized", params={})
        check_spec(editor, os.path.realpath(folder))
        check_other_texts(editor, os.path.realpath(folder))
        texts = check_networks(editor, paths)
        check_edits(editor, texts, options.edits, random.Random(options.seed))
        editor.quit()
    print("slowest answers in ms: " + ", ".join(f"{method.split('/')[-1]} {1000 * seconds:.1f}" for method, seconds in sorted(editor.slowest.items())))


main()
