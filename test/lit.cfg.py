# Tells lit how to run the tests of dialects, passes and the command: files `*.mlir` and `*.test` below test/.
import os

import lit.formats

config.name = "kinema"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["CMakeLists.txt", "Inputs", "golden", "parity"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.binary_dir, "test")

for tool in ["kinema-opt", "kinema-runtime", "kinema"]:
    config.substitutions.append((f"%{tool}(?![-\\w])", os.path.join(config.binary_dir, "bin", tool)))
config.substitutions.append(("%kinema-flow", os.path.join(config.binary_dir, "bin", "libkinema-flow.so")))
# What a test reads is printed and read again, as text and as bytecode, before its passes run.
config.substitutions.append((r"(?<![-%/\w])kinema-opt(?= )", "kinema-opt --verify-roundtrip"))
config.substitutions.append(("%models", os.path.join(config.source_dir, "models")))
config.substitutions.append(("%standin", os.path.join(config.binary_dir, "standin")))
config.substitutions.append(("%examples", os.path.join(config.source_dir, "examples")))

# Tests call the tools by their bare names too, and FileCheck, not and split-file.
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.binary_dir, "bin"), config.llvm_tools_dir, os.environ["PATH"]]
)
# What a test compiles is not kept for the next one.
config.environment["KINEMA_CACHE_MIB"] = "0"
config.environment["FILECHECK_OPTS"] = "--dump-input-filter=annotation --allow-unused-prefixes=false"
# LLVM's allocator poisons memory in our code and unpoisons it in the library's, which is not instrumented.
config.environment["ASAN_OPTIONS"] = "allow_user_poisoning=0:detect_container_overflow=0:detect_leaks=0"
for name in ["ASAN_OPTIONS", "TSAN_OPTIONS"]:
    if name in os.environ:
        config.environment[name] = os.environ[name]
