"""Checks what editors/ has for each editor, with those programs that are there: node, vim, emacs.

usage: editors_test.py EDITORS MODELS KINEMA
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

# What stands in a text, and how Vim and Emacs highlight it.
SPEC = """\
# use of a comment
use csn
act twice(x) = 2 * max(x, 0)
unit wide(2+1)d ch stride:size=1 act:word=auto {
  _: conv [1 3 3] ch=ch stride=stride act=act
}
network small classes=10 {
  input rgb 3x8x32x32
  set conv.bn=off
  stem: conv(2+1)d d=3 ch=16 x2
  from stem -> fc classes same=stem
}
train {
  rate 1e-4 warmup=10%
}
"""
# Starts the extension with stand-ins for the two modules that it needs, and changes a setting.
EXTENSION = """
const load = require('module')._load;
const said = [];
let changed;
const settings = { path: '/opt/kinema', models: ['/a', '/b'] };
const vscode = {
  workspace: { getConfiguration: () => ({ get: (name) => settings[name] }), onDidChangeConfiguration: (call) => { changed = call; } },
  window: { showErrorMessage: (text) => said.push(text) },
};
class LanguageClient {
  constructor(id, name, server, options) { said.push({ server, options }); }
  async start() { if (settings.path === '/none') throw new Error('no such program'); this.running = true; }
  isRunning() { return this.running === true; }
  async stop() { said.push('stopped'); }
}
const stand = { vscode, 'vscode-languageclient/node': { LanguageClient } };
require('module')._load = (name, ...rest) => stand[name] || load(name, ...rest);
(async () => {
  const extension = require(process.argv[2]);
  await extension.activate({ subscriptions: [] });
  await changed({ affectsConfiguration: () => false });
  settings.path = '/none';
  await changed({ affectsConfiguration: (name) => name === 'kinema' });
  await extension.deactivate();
  console.log(JSON.stringify(said));
})();
"""
PLACES = [  # the part of a line, of which the first place counts, the group in Vim and the face in Emacs
    ("# use", "kinemaComment", "font-lock-comment-"), ("use csn", "kinemaPart", "font-lock-keyword-face"),
    ("twice(", "kinemaName", "font-lock-function-name-face"), ("max(", "kinemaFunction", "font-lock-builtin-face"),
    ("wide(2+1)d", "kinemaName", "font-lock-function-name-face"), ("size=1", "kinemaType", "font-lock-type-face"),
    ("auto {", "kinemaConstant", "font-lock-constant-face"), ("conv [1", "kinemaOperation", "font-lock-builtin-face"),
    ("network small", "kinemaPart", "font-lock-keyword-face"), ("3x8x32x32", "kinemaSize", None), ("set conv", "kinemaStatement", "font-lock-keyword-face"),
    ("stem:", "kinemaLabel", "font-lock-constant-face"), ("conv(2+1)d", "kinemaWord", "default"), ("d=3", "kinemaArgument", "font-lock-variable-name-face"),
    ("x2", "kinemaCopies", None), ("from stem", "kinemaStatement", "font-lock-keyword-face"), ("-> fc", "kinemaOperator", None),
    ("same=stem", "kinemaOption", "font-lock-keyword-face"), ("train {", "kinemaPart", "font-lock-keyword-face"), ("1e-4", "kinemaNumber", None)]


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def expect(found, wanted, what):
    assert found == wanted, f"{what}: found {found!r}, expected {wanted!r}"


def read(*path):
    with open(os.path.join(*path)) as file:
        return file.read()


def patterns(grammar):
    """Yields the regular expressions of a grammar of TextMate."""
    if isinstance(grammar, dict):
        for key, value in grammar.items():
            if key in ("match", "begin", "end"):
                yield value
            yield from patterns(value)
    elif isinstance(grammar, list):
        for value in grammar:
            yield from patterns(value)


def check_code(folder, models):
    package = json.loads(read(folder, "package.json"))
    contributes = package["contributes"]
    language, = contributes["languages"]
    configuration = json.loads(read(folder, language["configuration"]))
    expect(configuration["comments"]["lineComment"], "#", "comments")
    grammar = json.loads(read(folder, contributes["grammars"][0]["path"]))
    expect(grammar["scopeName"], contributes["grammars"][0]["scopeName"], "the name of the grammar")
    expect([name["include"][1:] for name in grammar["patterns"]], list(grammar["repository"]), "the patterns that are used")
    for pattern in [*patterns(grammar), configuration["wordPattern"], *configuration["indentationRules"].values()]:
        re.compile(pattern)
    # Each definition of the networks is seen as one, and nothing else is.
    part = re.compile(grammar["repository"]["part"]["match"], re.M)
    for path in models:
        text = read(path)
        wanted = re.findall(r"^(use|unit|block|network|act|data|train|eval|compute)\b", text, re.M)
        expect([match[1] for match in part.finditer(text)], wanted, path)
    script = read(folder, package["main"])
    for setting in contributes["configuration"]["properties"]:
        assert f"get('{setting.split('.')[1]}')" in script, f"{package['main']} does not read {setting}"
    if shutil.which("node"):
        result = run("node", "--check", os.path.join(folder, package["main"]))
        expect(result.returncode, 0, result.stderr)
        with tempfile.TemporaryDirectory() as temporary:
            with open(os.path.join(temporary, "try.js"), "w") as file:
                file.write(EXTENSION)
            result = run("node", os.path.join(temporary, "try.js"), os.path.join(folder, package["main"]))
        expect(result.returncode, 0, result.stderr)
        started = {"server": {"command": "/opt/kinema", "args": ["lsp", "--models", "/a", "--models", "/b"]},
                   "options": {"documentSelector": [{"scheme": "file", "language": language["id"]}]}}
        again = dict(started, server=dict(started["server"], command="/none"))
        expect(json.loads(result.stdout), [started, "stopped", again, "kinema lsp does not start: no such program (the setting kinema.path says where "
                                           "kinema is)"], "what the extension does")
    return bool(shutil.which("node"))


def positions():
    """Returns the line and the column of each of PLACES, from 1."""
    found = []
    at = 0
    for text, *_ in PLACES:
        at = SPEC.index(text, at)
        found.append((SPEC.count("\n", 0, at) + 1, at - SPEC.rfind("\n", 0, at)))
    return found


def check_vim(folder, models, kinema):
    if not shutil.which("vim"):
        return False
    with tempfile.TemporaryDirectory() as temporary:
        for name, text in (("a.arch", SPEC), ("wide.arch", SPEC.replace("  input", "     input  ").replace("\n  set", "\n\n\n  set")), ("wrong.arch", "network {\n")):
            with open(os.path.join(temporary, name), "w") as file:
                file.write(text)
        calls = [f"call add(g:found, synIDattr(synID({line}, {column}, 1), 'name'))" for line, column in positions()]
        script = ["filetype plugin on", "syntax on", "let g:found = []", "edit a.arch", "call add(g:found, &filetype . ' ' . &shiftwidth)", *calls,
                  "edit wide.arch", "KinemaFormat", "write", "edit wrong.arch", "KinemaFormat", "write"]
        # Each line of the networks is highlighted: no word of them lies outside of all groups.
        for path in models:
            script += [f"edit {path}", "for g:l in range(1, line('$')) | for g:c in range(1, col([g:l, '$']) - 1) | "
                       "if getline(g:l)[g:c - 1] =~# '\\w' && synID(g:l, g:c, 1) == 0 | call add(g:found, expand('%') . ':' . g:l . ':' . g:c) | endif | endfor | endfor"]
        script += ["call writefile(g:found, 'found')", "qall!"]
        with open(os.path.join(temporary, "script.vim"), "w") as file:
            file.write("\n".join(script) + "\n")
        result = run("vim", "-Nu", "NONE", "-i", "NONE", "-n", "-es", "--cmd", f"set runtimepath^={folder}", "--cmd", f"let g:kinema_path = '{kinema}'",
                     "-S", "script.vim", cwd=temporary, stdin=subprocess.DEVNULL)
        assert os.path.exists(os.path.join(temporary, "found")), result.stdout + result.stderr
        found = read(temporary, "found").splitlines()
        expect(found[0], "kinema 2", "the type of the file in Vim, and its indentation")
        expect(list(zip((text for text, *_ in PLACES), found[1:])), [(text, group) for text, group, _ in PLACES] + [], "groups in Vim")
        expect(found[len(PLACES) + 1:], [], "words that Vim does not highlight")
        expect(read(temporary, "wide.arch"), SPEC.replace("\n  set", "\n\n  set"), "the house style in Vim")
        expect(read(temporary, "wrong.arch"), "network {\n", "a text with an error in Vim")
    return True


def check_emacs(folder, models, kinema):
    if not shutil.which("emacs"):
        return False
    with tempfile.TemporaryDirectory() as temporary:
        with open(os.path.join(temporary, "a.arch"), "w") as file:
            file.write(SPEC)
        with open(os.path.join(temporary, "flat.arch"), "w") as file:
            file.write(re.sub(r"(?m)^ +", "", SPEC))
        places = " ".join(f"({line} . {column})" for line, column in positions())
        script = f"""
(require 'kinema-mode)
(setq kinema-program "{kinema}")
(find-file "a.arch")
(font-lock-ensure)
(princ (format "%s\\n" major-mode))
(dolist (place '({places}))
  (goto-char (point-min)) (forward-line (1- (car place))) (forward-char (1- (cdr place)))
  (princ (format "%s\\n" (get-text-property (point) 'face))))
(find-file "flat.arch")
(indent-region (point-min) (point-max))
(princ (format "%S\\n" (buffer-string)))
(goto-char (point-min)) (search-forward "input") (insert "   ")
(kinema-format-buffer)
(princ (format "%S\\n" (buffer-string)))
"""
        with open(os.path.join(temporary, "script.el"), "w") as file:
            file.write(script)
        result = run("emacs", "--batch", "-Q", "-L", folder, "-l", "script.el", cwd=temporary)
        expect(result.returncode, 0, result.stderr)
        lines = result.stdout.split("\n", len(PLACES) + 1)
        expect(lines[0], "kinema-mode", "the mode of the file in Emacs")
        for (text, _, face), found in zip(PLACES, lines[1:]):
            assert found.startswith(face or "nil"), f"the face of {text!r} in Emacs: {found}, expected {face}"
        expect([json.loads(text.replace("\n", "\\n")) for text in re.findall(r'^"[^"]*"$', lines[-1], re.M)], [SPEC, SPEC], "indented and formatted in Emacs")
    return True


def main():
    editors, models, kinema = map(os.path.abspath, sys.argv[1:])
    paths = sorted(glob.glob(os.path.join(models, "**", "*.arch"), recursive=True))
    assert len(paths) > 50, paths
    programs = {"node": check_code(os.path.join(editors, "vscode"), paths), "vim": check_vim(os.path.join(editors, "vim"), paths, kinema),
                "emacs": check_emacs(os.path.join(editors, "emacs"), paths, kinema)}
    print("tried with " + " ".join(name for name, is_there in programs.items() if is_there))


main()
