"""Checks the code spans and commands of the pages: what each names, a path, a symbol, an operation, a pass, a
phase, a command, an option, a setting or a target, is there.

usage: names_test.py SOURCE_FOLDER

Single words in lower case without a mark in them (`stage`, `fused`) are words of the language or fields and are
left alone, but where the text says that they are phases. `docs/reference` is made of the declarations themselves.
"""
import fnmatch
import os
import re
import subprocess
import sys

# Pages name these although they are not in the sources; the values say why.
ELSEWHERE = {
    "mma.sync": "an instruction of PTX",
    "CosineAnnealingLR": "a class of PyTorch",
    "cuda.h": "NVIDIA's header, which a test reads where it is installed",
    "fence.mbarrier_init": "an instruction of PTX",
    "lib/": "a folder beside a spec",
    "CrossEntropyLoss": "a class of PyTorch",
    "DataLoader": "a class of PyTorch",
    "ValueError": "a class of Python",
    "max_memory_allocated": "a function of PyTorch",
    "ncu --set full": "an option of Nsight Compute",
    "nvidia-smi": "a program of NVIDIA's",
    "stride.h": "the language: a part of a size",
    "unzip -l": "an option of unzip",
    "v.h": "the language: a number of a value",
    "xN": "the language: a number of copies",
}
# The files of these folders are made when something runs: in a package, by bench/gpu.sh, by the build.
MADE = ("code/", "OUT/", "gpu.tar.xz.work/", "build/", "/", "./")
# None of these is there: a check that finds one of them right has gone blind.
PLANTED = [
    "compiler/Target/CPU/ConvTiles.h", "compilers/Pipelines", "docs/{cpu,gpus}.md", "ConvTiles.h", "HaloTile::block_",
    "HaloTiles::blocks", "HaloTiles", "Recipe.TheTableOfTheText", "buildPhases", "kinema_exhausted", "kernel.convs",
    "#kernel.layouts<abcde>", "sm90.halos", "assign-cpu-storages", "nvgpu-halo-tests", "train.ratess", "KINEMA_POISONED=1",
    "--set data.crops=1x1", "--thread", "kinema inspect SPEC --schedule", "kinema trains SPEC", "make tests",
    "--preset msan", "--target sm_91", "--emit arch", "kinema compile x.arch --from arch", "--names torchvision-4d",
    "kinema weights convert A B --to torch", "torchvision-2d-streets", "bench/bundle BUNDLE --rehearse",
    "build/bin/cpu-tile-benches",
]
SOURCE = re.compile(r"\.(cpp|h|td|py|sh|arch|cmake|txt|def|test|mlir)$|^(?!.*\.)[\w/-]+$")
PROGRAMS = {"kinema", "kinema-runtime", "kinema-opt"}


def tracked(root):
    listed = subprocess.run(["git", "-C", root, "ls-files"], capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if os.path.exists(os.path.join(root, name))]


class Sources:
    def __init__(self, root, files):
        self.root, self.files = root, set(files)
        self.folders = {os.path.dirname(name)[:end] for name in files for end in self.ends(os.path.dirname(name))}
        self.names = {os.path.basename(name) for name in files} | {os.path.basename(folder) for folder in self.folders}
        self.stems = {name.split(".")[0] for name in self.names}
        self.text = {}
        for name in files:
            if SOURCE.search(name) and name != "test/names_test.py":
                self.text[name] = self.code(name)
        everything = "\n".join(self.text.values())
        self.words = set(re.findall(r"\w+", everything))
        self.kebabs = set(re.findall(r"[\w+]+(?:-[\w+]+)+", everything))
        self.strings = set(re.findall(r'"([^"\n]*)"', everything))
        self.declared = self.stems | set(re.findall(
            r"\b(?:class|struct|enum class|union|namespace|def|using)\s+(\w+)", everything))
        self.tests = set(re.findall(r"\bTEST(?:_F|_P)?\((\w+, \w+)\)", everything))
        commands = self.of(r"^(tools|runtime/Commands)/.*\.cpp$")
        self.options = set(re.findall(r'"(?:-\w,)?(--[\w-]+)"', commands)) | {"--help", "--version"}
        for fields in re.findall(r"for \(const char \*field : \{([^}]*)\}", commands):
            self.options |= {f"--{field}" for field in re.findall(r'"(\w+)"', fields)}
        self.commands = set(re.findall(r'(?:add_subcommand\(|addCommand\(\w+,)\s*"([\w-]+)"', commands))
        built = re.findall(r"[\w-]*\$\{\w+\}[\w-]*", self.of(r"CMakeLists\.txt$"))
        self.patterns = {re.sub(r"\$\{\w+\}", "*", name) for name in built if re.search(r"[a-z]{3}-|-[a-z]{3}", name)}
        self.make = set(re.findall(r"^([\w-]+):", self.read("Makefile"), flags=re.M))
        self.presets = set(re.findall(r'"name": "([\w-]+)"', self.read("CMakePresets.json")))
        self.phases = set(re.findall(r'\{Phase::\w+, "(\w+)"', self.read("compiler/Pipelines/Phases.cpp")))
        self.targets = {"cpu"} | set(re.findall(r'^ *\{"([\w-]+)", ', self.read("compiler/Target/CPU/Level.h")
                                                + self.read("compiler/Target/NVGPU/Processor.h"), flags=re.M))
        self.namings = {os.path.basename(name)[:-6] for name in files if name.endswith(".names")}
        self.settings = self.recipe()
        self.operations = self.mnemonics()

    @staticmethod
    def ends(folder):
        return [i for i, letter in enumerate(folder) if letter == "/"] + [len(folder)]

    def read(self, name):
        with open(os.path.join(self.root, name), encoding="utf-8") as file:
            return file.read()

    def code(self, name):
        """Returns a file's text without its comments, which may be as old as the pages."""
        try:
            text = self.read(name)
        except UnicodeDecodeError:
            return ""
        marks = r"//.*" if re.search(r"\.(cpp|h|td|def)$", name) else r"(?<!\S)#\s.*"
        return re.sub(marks, "", text)

    def of(self, pattern):
        return "\n".join(text for name, text in self.text.items() if re.search(pattern, name))

    def recipe(self):
        rows = re.findall(r'^([A-Z]+)_FIELD\(\w+, "(\w+)"', self.read("runtime/Package/Recipe.def"), flags=re.M)
        return {(section.lower(), name) for section, name in rows}

    def mnemonics(self):
        """Returns the names of operations, attributes and attributes of modules: `kernel.conv`, `#kernel.layout`, `kernel.target`."""
        found = set(name for name in self.strings if re.fullmatch(r"(clip|kernel)\.\w+", name))
        for dialect, folder in (("clip", "Clip"), ("kernel", "Kernel")):
            text = self.of(rf"^dialects/{folder}/.*\.td$")
            found |= {f"{dialect}.{name}" for name in re.findall(r'<"([a-z]\w*)"', text)}
            found |= {f"{dialect}.{name}" for name in re.findall(r': \w*Attr<"\w+", "(\w+)"', text)}
        return found

    def has_path(self, path):
        path = path.rstrip("/")
        if path in self.files or path in self.folders:
            return True
        return any(fnmatch.fnmatch(name, path + end) for name in self.files for end in ("", ".*"))

    def has_member(self, owner, member):
        declares = re.compile(rf"\b(?:class|struct|enum class|namespace)\s+(?:\w+::)*{owner}\b")
        return any(declares.search(text) and re.search(rf"\b{member}\b", text) for text in self.text.values())


def expanded(token):
    """Expands a/{b,c}.d to a/b.d and a/c.d."""
    found = re.match(r"(.*)\{([\w,]+)\}(.*)", token)
    return [found[1] + part + found[3] for part in found[2].split(",")] if found else [token]


def fault_of_word(token, alone, sources):
    """Returns what is wrong with one word of a span, which may be all of it; None where it is right or no name."""
    if token in ELSEWHERE:
        return None
    if "/" in token and (alone or token.split("/")[0] in sources.folders):
        if token.startswith(MADE):
            name = re.fullmatch(r"build/bin/([\w-]+)", token)
            return f"no target is called {name[1]}" if name and name[1] not in sources.words | sources.kebabs else None
        if not re.fullmatch(r"[\w.][\w./*{},-]*", token) or re.search(r"[A-Z]/\d|cpu-N-", token):
            return None
        return next((f"there is no {path}" for path in expanded(token) if not sources.has_path(path)), None)
    if re.fullmatch(r"[\w*-]+\.(cpp|h|td|py|md|def|cmake|mlir)", token):
        return None if fnmatch.filter(sources.names, token) else f"no file is called {token}"
    if found := re.fullmatch(r"(?:\w+::)*(\w+)::(\w+)", token):
        return None if sources.has_member(*found.groups()) else f"{found[1]} has no {found[2]}"
    if found := re.fullmatch(r"([A-Z]\w*[a-z]\w*)\.([A-Z]\w*[a-z]\w*)", token):
        return None if f"{found[1]}, {found[2]}" in sources.tests else f"there is no test {token}"
    if found := re.fullmatch(r"#?((?:clip|kernel)\.[a-z]\w*)(?:<.*)?", token):
        return None if found[1] in sources.operations else f"no dialect has {found[1]}"
    if re.fullmatch(r"(cpu|sm90|mma|nvgpu)\.[a-z*][\w*]*", token):
        return None if fnmatch.filter(sources.strings, token) else f"there is no schedule {token}"
    if found := re.fullmatch(r"(data|train|eval|compute)\.((?!txt)[a-z]\w*)(=.*)?", token):
        return None if found.groups()[:2] in sources.settings else f"the recipe has no setting {found[1]}.{found[2]}"
    if alone and re.fullmatch(r"[A-Z]+(_[A-Z]+)*", token) or re.fullmatch(r"KINEMA_\w+(=.*)?", token):
        name = token.split("=")[0]
        return None if len(name) < 3 or name in sources.words else f"nothing reads {name}"
    if re.fullmatch(r"[A-Z][a-z]\w*", token):
        return None if token in sources.declared or token in sources.operations else f"nothing declares {token}"
    if re.fullmatch(r"[a-z]\w*(_\w+|[A-Z]\w*)", token):
        return None if token in sources.words else f"no source says {token}"
    if re.fullmatch(r"[a-z]\w*(-\w+)+", token):
        if any(fnmatch.fnmatchcase(token, pattern) for pattern in sources.patterns):
            return None
        known = sources.kebabs | sources.names | sources.targets | sources.namings
        return None if token in known else f"no pass, test or program is called {token}"
    return None


def faults_of_command(words, sources):
    """Returns what is wrong with the command, the options and their values. For a bare option, words[0] is that option."""
    program = os.path.basename(words[0])
    if program == "make":
        return [f"the Makefile has no {word}" for word in words[1:2] if word not in sources.make]
    if program == "cmake" or words[0] == "--preset":
        return [f"there is no preset {value}" for option, value in zip(words, words[1:])
                if option == "--preset" and value not in sources.presets]
    script = words[0] if words[0] in sources.files else next((word for word in words[1:2] if word in sources.files), None)
    options = {word for word in words if word.startswith("--")}
    if script:
        text = sources.of(f"^{re.escape(os.path.dirname(script))}/")  # a script may hand its options on
        return [f"{script} has no option {option}" for option in sorted(options) if option not in text]
    if program not in PROGRAMS and not words[0].startswith("--") and program not in sources.commands:
        return [f"{program} has no option {option}" for option in sorted(options)
                if option not in sources.of(r"(Test|_test|Bench)\.(cpp|h)$|^test/.*\.py$")]
    found = [f"no command has the option {option}" for option in sorted(options)
             if option.split("=")[0] not in sources.options]
    if program in PROGRAMS and len(words) > 1 and re.fullmatch(r"[a-z][\w-]*", words[1]) and words[1] not in sources.commands:
        found.append(f"{program} has no command {words[1]}")
    for option, value in zip(words, words[1:]):
        if option == "--target" and value.islower():
            found += [f"there is no target {name}" for name in value.split(",") if name not in sources.targets]
        naming = option == "--names" or option in ("--from", "--to") and "weights" in words[:2]
        if naming and value.islower() and "." not in value and value not in sources.namings:
            found.append(f"there is no naming {value}")
        if not naming and option in ("--emit", "--from") and value.islower() and value not in sources.phases:
            found.append(f"there is no phase {value}")
    return found


def faults_of_span(span, sources):
    if span in ELSEWHERE or span.split()[0] in ELSEWHERE:
        return []
    words = span.split()
    while len(words) > 1 and re.fullmatch(r"[A-Z_]+=\S+|\$|/usr/bin/python3", words[0]):
        words = words[1:]  # settings of the environment, and the prompt
    if not words or re.search(r"[\"{}()]", span) and "/{" not in span:
        return []  # this is JSON, C++ or the language
    found = [fault for word in words if (fault := fault_of_word(word.strip("[],").rstrip("."), len(words) == 1, sources))]
    if words[0].startswith("--") or len(words) > 1 and re.fullmatch(r"[\w./-]+", words[0]):
        found += faults_of_command(words, sources)
    return found


def spans_of(text):
    """Returns the code spans, with the commands in fences and indented blocks, and the text without fences."""
    fences = re.findall(r"^```\n?(.*?)^```", text, flags=re.M | re.S)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    spans = [span.replace("\\|", "|") for span in re.findall(r"`([^`\n]+)`", prose)]
    lines = re.findall(r"^    (.*)", prose, flags=re.M) + [line for fence in fences for line in fence.split("\n")]
    for line in lines:
        command = re.sub(r"\s+#.*", "", line).replace("$ ", "").strip()
        if re.match(r"(\w+=\S+ +)*(kinema|kinema-runtime|make|bench/\S+) ", command) and "..." not in command:
            spans.append(re.sub(r"='[^']*'", "=", command))
    return spans, prose


def phases_of(prose):
    """Returns the words that the text calls phases."""
    named = re.findall(r"\bphases? `(\w+)`(?:,? (?:or|and) `(\w+)`)?", prose)
    words = {word for pair in named for word in pair if word}
    for table in re.findall(r"^\| phase \|.*\n\|[-| ]*\n((?:\|.*\n)*)", prose, flags=re.M):
        words |= set(re.findall(r"^\| `(\w+)`", table, flags=re.M))
    return words


def main():
    root = sys.argv[1]
    files = tracked(root)
    sources = Sources(root, files)
    pages = [name for name in files if name.endswith(".md") and not name.startswith(("docs/reference/", "bench/"))]
    wrong, seen = [], 0
    for page in pages:
        spans, prose = spans_of(sources.read(page))
        seen += len(spans)
        for span in dict.fromkeys(spans):
            wrong += [f"{page}: `{span}`: {fault}" for fault in faults_of_span(span, sources)]
        wrong += [f"{page}: there is no phase {word}" for word in sorted(phases_of(prose) - sources.phases)]
    wrong += [f"the check does not see that there is no {span}" for span in PLANTED if not faults_of_span(span, sources)]
    if not phases_of("a module in phase `fused` or `arch`") - sources.phases:
        wrong.append("the check does not see that there is no phase arch")
    print("\n".join(wrong) or f"{seen} code spans and commands of {len(pages)} pages name what is there")
    sys.exit(bool(wrong) or seen < 200)


main()
