"""Trains a small network by several processes: they come to the weights of one process with as many clips a step, go on
after a stop with the same bits, and all end, with a checkpoint that is whole, when one of them does.

usage: ranks_test.py KINEMA [equal | resume | sync | failures | overlap | cache | gpus | meetings]
"""
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import numpy

KINEMA = os.path.abspath(sys.argv[1])
BATCH = 4
SPEC = f"""network tiny classes=10 frames=8 size=32 height=size width=size {{
  input rgb [3 frames height width]
  stem: conv3d ch=8 stride=1x2x2 bn=off
  a: conv3d ch=16 stride=2 bn=off
  b: conv2d ch=16 bn=off
  pool avg global
  fc classes
}}
train {{
  epochs 2
  batch {BATCH}
  rate 0.05 warmup=0
}}
data {{
  resize 36x48
  crop 32x32
}}
"""
NORMED = SPEC.replace(" bn=off", "")
SYNCED = NORMED.replace("  batch ", "  bn sync\n  batch ")
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe"]
LIMIT = 120  # seconds for a run


def command(out, *options, spec="tiny.arch", lists=("--train", "motion/train.txt", "--test", "motion/test.txt")):
    return [KINEMA, "train", spec, *lists, "--out", out, "--threads", "1", *options]


def settings(*values):
    return [word for value in values for word in ("--set", value)]


def by_ranks(count, out, *options, **keywords):
    return [*MPIRUN, "-n", str(count), *command(out, *options, **keywords)]


def run(words, status=0, environment=None):
    """Runs a command; returns what it writes to stderr."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, env={**os.environ, **(environment or {})})
    assert (done.returncode == 0) == (status == 0), f"{' '.join(words)}: exit status {done.returncode}\n{done.stderr}"
    return done.stderr


def tensors(path):
    with open(path, "rb") as file:
        head = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    return {name: numpy.frombuffer(data[slice(*entry["data_offsets"])], numpy.float32)
            for name, entry in head.items() if name != "__metadata__"}


def rows(folder, file):
    with open(os.path.join(folder, file), encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def same_bits(one, other):
    one, other = tensors(f"{one}/last.safetensors"), tensors(f"{other}/last.safetensors")
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


def compare(ranks, *changes, spec="tiny.arch"):
    """Compares ranks with one process. 110 clips leave the last step of some ranks with few clips, or none."""
    shutil.rmtree("one", ignore_errors=True)
    shutil.rmtree("all", ignore_errors=True)
    run(command("one", *settings(f"train.batch={BATCH * ranks}", *changes), spec=spec))
    run(by_ranks(ranks, "all", *settings(*changes), spec=spec))
    steps, expected = rows("all", "steps.jsonl"), rows("one", "steps.jsonl")
    assert [row["clips"] for row in steps] == [row["clips"] for row in expected]
    distance = max(abs(a["loss"] - b["loss"]) for a, b in zip(steps, expected))
    assert distance < 1e-5, f"losses are {distance} apart"
    found, wanted = tensors("all/last.safetensors"), tensors("one/last.safetensors")
    assert found.keys() == wanted.keys(), found.keys() ^ wanted.keys()
    for name, value in wanted.items():
        if "." in name and name.split(".")[0] in ("stem", "a", "b", "fc"):
            apart = numpy.linalg.norm(found[name] - value) / max(numpy.linalg.norm(value), 1e-2)
            assert apart < 1e-4, f"{ranks} ranks, {changes}: {name} is {apart} from that of one process"
    with open("all/curves.csv", encoding="utf-8") as curves, open("one/curves.csv", encoding="utf-8") as others:
        for line, other in zip(curves, others):  # epoch, rate, losses and accuracies; the rest is time
            for a, b in list(zip(line.split(","), other.split(",")))[:8]:
                assert a == b or abs(float(a) - float(b)) < 1e-4, (line, other)
    print(f"{ranks} ranks {' '.join(changes)}: losses {distance:.1e} apart")


def evaluated(*launcher):
    done = subprocess.run([*launcher, KINEMA, "eval", "tiny.arch", "--test", "motion/test.txt", "--weights", "one/best.safetensors", "--json"],
                          capture_output=True, text=True, timeout=LIMIT, check=True)
    return json.loads(done.stdout)


def compare_evaluation():
    """Compares an evaluation by 3 ranks with that of one process: each clip counts once."""
    one, other = evaluated(), evaluated(*MPIRUN, "-n", "3")
    for name, value in one.items():
        if name not in ("seconds", "waiting"):
            assert other[name] == value or abs(other[name] - value) < 1e-6, f"{name}: {other[name]}, by one process {value}"
    print("3 ranks evaluate as one process does")


def equal():
    compare(2)
    compare(3)
    compare(4)
    compare(2, "train.optimiser=adamw", "train.rate=0.001", "train.max_norm=1", "train.average=0.9")
    compare(3, "train.accumulate=2", "train.optimiser=lars")
    compare(2, "train.rate=0.1", f"train.rate_batch={4 * BATCH}")
    compare_evaluation()
    compare(2, "train.loss=binary_cross_entropy", "train.precise_bn=2")  # of no batch norms


def clips_of(text, clips, file):
    with open(file, "w", encoding="utf-8") as spec:
        spec.write(text.replace("  epochs 2\n", f"  epochs 1 clips={clips}\n"))
    return file


def sync():
    """Trains with the statistics of all ranks' clips. The steps are few: rounding grows from step to step, whoever adds up."""
    synced = clips_of(SYNCED, 48, "synced.arch")
    for ranks, changes in ((2, ()), (3, ("train.optimiser=adamw", "train.rate=0.001", "train.max_norm=1")), (4, ("train.accumulate=2",))):
        compare(ranks, *changes, spec=synced)
    run(by_ranks(4, "synced", spec=synced))
    run(by_ranks(4, "own", spec=clips_of(NORMED, 48, "own.arch")))
    apart = max(abs(a["loss"] - b["loss"]) for a, b in zip(rows("own", "steps.jsonl"), rows("synced", "steps.jsonl")))
    assert apart > 1e-3, f"statistics of each rank's own clips give losses that are {apart} from those of all ranks'"
    print(f"statistics of each rank's own clips: losses {apart:.1e} apart")
    # The last step has a batch for two ranks each, and nothing for the others, which take part in it: the statistics are those of the
    # clips that there are. One process repeats these to fill its batch, which they do not change.
    compare(4, spec=clips_of(SYNCED, 40, "uneven.arch"))
    assert rows("all", "steps.jsonl")[-1]["clips"] == 2 * BATCH
    run(by_ranks(4, "again", "--bucket", "0.002", spec="uneven.arch"))
    assert same_bits("all", "again")
    run([KINEMA, "compile", synced, "--distributed", "-o", "synced.kinema"])
    run(command("package", spec="synced.kinema"))
    run(command("plain", spec="own.arch"))
    apart = max(abs(a["loss"] - b["loss"]) for a, b in zip(rows("package", "steps.jsonl"), rows("plain", "steps.jsonl")))
    assert apart < 1e-5, f"one process with a package for several: losses are {apart} from those without"
    told = subprocess.run([KINEMA, "inspect", "synced.kinema"], capture_output=True, text=True, check=True).stdout
    assert "statistics of batch norms, between launches in 6 places" in told, told
    print("one process trains by a package of several, too")


def started(words, out, steps):
    """Starts a run and returns it, with its ranks' processes, when it has done so many steps."""
    job = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env={**os.environ, "KINEMA_RANK_SECONDS": "5"})
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        assert job.poll() is None, job.stderr.read()
        try:
            if len(rows(out, "steps.jsonl")) >= steps:
                break
        except (OSError, ValueError):
            pass
        time.sleep(0.02)
    children = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(job.pid)], capture_output=True, text=True, check=True)
    pids = [int(line.split(None, 1)[0]) for line in children.stdout.splitlines() if f"--out {out}" in line]
    return job, sorted(pids)


def stop(words, out, number, which):
    """Starts a run and sends a signal to one of its ranks; returns what the run says."""
    job, pids = started(words, out, steps=1)
    os.kill(pids[which], number)
    _, said = job.communicate(timeout=LIMIT)
    assert job.returncode != 0
    return said


def resume():
    with open("normed.arch", "w", encoding="utf-8") as file:
        file.write(NORMED)
    long = settings("train.epochs=60")
    run(by_ranks(2, "whole", *settings("train.epochs=4"), spec="normed.arch"))
    run(by_ranks(2, "part", *settings("train.epochs=2"), spec="normed.arch"))
    shutil.copytree("part", "others")
    run(by_ranks(2, "part", "--epochs", "4", "--resume", spec="normed.arch"))
    assert same_bits("whole", "part")
    print("a run of 2 ranks went on with the same bits")
    for count in (1, 3):
        shutil.rmtree("other", ignore_errors=True)
        shutil.copytree("others", "other")
        words = command if count == 1 else lambda *rest, **keywords: by_ranks(count, *rest, **keywords)
        run(words("other", "--epochs", "4", "--resume", spec="normed.arch"))
        assert [row["epoch"] for row in rows("other", "steps.jsonl")][-1] == 4
        print(f"it went on with {count}")
    said = stop(by_ranks(2, "stopped", *long), "stopped", signal.SIGTERM, 1)
    assert "stopped by SIGTERM" in said or "stopped by a signal to another rank" in said, said
    print("a signal to one rank stopped all, after a checkpoint")


def failures():
    long = settings("train.epochs=400")
    for which in range(4):
        out = f"killed{which}"
        stop(by_ranks(4, out, *long), out, signal.SIGKILL, which)
        assert tensors(f"{out}/last.safetensors")
        epochs = rows(out, "steps.jsonl")[-1]["epoch"] + 1
        said = run(by_ranks(2, out, "--resume", "--epochs", str(epochs)))
        assert "going on with epoch" in said, said
        print(f"rank {which} was killed, and all ended")
    job, pids = started(by_ranks(2, "hangs", *long), "hangs", steps=1)
    os.kill(pids[1], signal.SIGSTOP)
    _, said = job.communicate(timeout=LIMIT)
    assert job.returncode != 0 and "the other ranks have not answered for 5 s" in said, said
    print("a rank that hangs ended all")
    os.makedirs("empty", exist_ok=True)
    own, other = command("blind"), command("blind", "--root", "empty")
    said = run([*MPIRUN, "-n", "1", *own, ":", "-n", "1", *other], status=1)
    assert "rank 1 of 2: " in said, said
    print("a rank without videos ended all")
    limited = ["sh", "-c", 'ulimit -f 40 && exec "$@"', "sh", *command("full")]  # of 512 or 1024 bytes: too few for a checkpoint
    said = run([*MPIRUN, "-n", "1", *limited, ":", "-n", "1", *command("full")], status=1)
    assert "rank 0 of 2: " in said and "File too large" in said, said
    print("a first rank that cannot write ended all")
    said = run([*MPIRUN, "-n", "2", KINEMA, "eval", "tiny.arch", "--test", "motion/test.txt", "--weights", "killed0/last.safetensors", "--layers", "a",
                "--features", "features.safetensors"], status=1)
    assert "--features: features are written by one process alone: start it without mpirun" in said, said
    run([KINEMA, "compile", "tiny.arch", "-o", "alone.kinema"])
    said = run(by_ranks(2, "alone", spec="alone.kinema"), status=1)
    assert "was compiled for one process, and 2 ranks train it: compile it with --distributed" in said, said
    run([KINEMA, "build", "tiny.arch", "--distributed", "--target", "cpu", "-o", "trainer"])
    run([*MPIRUN, "-n", "2", "./trainer", *command("built")[1:2], *command("built")[3:]])
    run(by_ranks(2, "two"))
    assert same_bits("built", "two")
    said = run(command("torch"), status=1, environment={"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "4", "RANK": "0", "CUDA_VISIBLE_DEVICES": ""})
    assert "whose ranks meet through NCCL, on GPUs; this machine has none: start them by mpirun -n 4 in its place" in said, said
    said = run(by_ranks(2, "nowhere"), status=1, environment={"KINEMA_MPI_LIBRARY": "/nowhere/libmpi.so"})
    assert "the ranks of a training meet through MPI, whose library cannot be opened: /nowhere/libmpi.so" in said, said
    standins()
    print("packages, programs, environments and libraries that do not fit were told")


def standins():
    """Trains by two ranks of a stand-in for MPI, with one mistake each time."""
    library = os.path.join(os.path.dirname(KINEMA), "../standin/libmpi-standin.so")
    for mistake, message in (("init", "MPI (" + library + ") cannot be initialised"),
                             ("count", "2 ranks were started, but MPI (" + library + ") knows of 3: that is not the library of the program that started them; name the right one in KINEMA_MPI_LIBRARY"),
                             ("gather", "MPI cannot gather 8 bytes"), ("exchange", "MPI cannot exchange "),
                             ("test", "MPI reports an error in what the ranks exchange"),
                             ("differ", "after epoch 1, rank 1 has other parameters than rank 0, though both were updated by the same gradients: their processors or their code differ; compile one package with --distributed for all ranks, for a target that all of them have")):
        said = run(command(mistake), status=1, environment={"KINEMA_MPI_LIBRARY": library, "PMI_SIZE": "2", "KINEMA_STANDIN_MPI": mistake})
        assert message in said, said


def overlap():
    with open("normed.arch", "w", encoding="utf-8") as file:
        file.write(NORMED)
    for ranks, changes in ((2, []), (3, ["train.accumulate=2", "train.max_norm=1"])):
        run(by_ranks(ranks, "late", "--bucket", "1000000", "--overwrite", *settings(*changes), spec="normed.arch"))
        said = run(by_ranks(ranks, "early", "--bucket", "0.002", "--overwrite", *settings(*changes), spec="normed.arch"))
        assert "the ranks add up their gradients in 3 buckets through MPI, while the step goes on" in said, said
        assert same_bits("late", "early")
        print(f"{ranks} ranks {' '.join(changes)}: buckets leave the bits as they are")
    compress()
    own, other = command("unlike", "--bucket", "0.002"), command("unlike")
    said = run([*MPIRUN, "-n", "1", *own, ":", "-n", "1", *other], status=1)
    assert "rank 1 adds up its gradients in other buckets than rank 0: give all ranks the same network, target, --bucket and --compress" in said, said


def compress():
    """Trains two ranks that send gradients as bfloat16: the bits are the same with other buckets, and losses are near those without."""
    run(by_ranks(2, "exact", spec="normed.arch"))
    for out, bucket in (("rounded", "100"), ("again", "0.002")):
        said = run(by_ranks(2, out, "--compress", "bf16", "--bucket", bucket, spec="normed.arch"))
        assert " through MPI, as bfloat16" in said, said
    assert same_bits("rounded", "again") and not same_bits("rounded", "exact")
    said = run(command("alone", "--compress", "bf16"), status=1)
    assert "--compress bf16: one process sends no gradients: leave it out, or start several by mpirun" in said, said
    apart = max(abs(a["loss"] - b["loss"]) for a, b in zip(rows("exact", "steps.jsonl"), rows("rounded", "steps.jsonl")))
    assert apart < 0.02, apart
    print(f"gradients as bfloat16: losses {apart:.1e} apart")


def cache():
    """Trains two ranks that share a cache of frames: the bits are the same, and the second epoch decodes little."""
    run(by_ranks(2, "decoded", *settings("data.start=middle")))
    words = by_ranks(2, "cached", "--cache", "frames", "--cache-gb", "0.5", *settings("data.start=middle"))
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, check=True)
    assert "frames came from frames, which " in done.stdout, done.stdout
    assert same_bits("decoded", "cached")
    first = int(done.stdout.split(" frames came from")[0].split()[-1])
    assert first > 0, done.stdout
    stopped = stop(by_ranks(2, "again", "--cache", "frames", "--cache-gb", "0.5", *settings("data.start=middle", "train.epochs=400")), "again",
                   signal.SIGKILL, 1)
    done = subprocess.run(words + ["--overwrite"], capture_output=True, text=True, timeout=LIMIT, check=True)
    assert "which 0 were added to" in done.stdout, (done.stdout, stopped)
    assert same_bits("decoded", "cached")
    print("frames that were kept are those that were decoded")
    said = run(command("unkept", "--cache", "motion/train.txt"), status=1)
    assert "--cache: folder motion/train.txt cannot be made: " in said, said


STANDIN = os.path.join(os.path.dirname(KINEMA), "../standin")
RUNTIME = os.path.join(os.path.dirname(KINEMA), "kinema-runtime-exporting")


def on_gpus(ranks, out, *options, gpus=None, status=0, second=None, **environment):
    """Trains on GPUs that are libraries in place of the driver and of NCCL; returns what the run says. `second` is the environment of the
    last rank alone."""
    words = [RUNTIME, "train", "gpu.kinema", *command(out, "--device", "cuda", "--overwrite", "--epochs", "1", *options, lists=("--train", "motion/few.txt"))[3:]]
    others = [":", "-n", "1", "env", *(f"{name}={value}" for name, value in second.items()), *words] if second else []
    return run([*MPIRUN, "-n", str(ranks - bool(second)), *words, *others], status,
               {"TMPDIR": os.getcwd(), "LD_LIBRARY_PATH": STANDIN, "KINEMA_STANDIN_PACKAGE": "gpu.kinema", "KINEMA_STANDIN_GPUS": str(gpus or ranks), **environment})


def by_emulators(out, *options):
    run([*MPIRUN, "-n", "2", RUNTIME, "train", "gpu.kinema",
         *command(out, "--device", "emulator", "--overwrite", "--epochs", "1", *options, lists=("--train", "motion/few.txt"))[3:]])


SMALL = NORMED.replace("size=32", "size=16").replace("frames=8", "frames=4").replace("36x48", "18x24").replace("32x32", "16x16")


def compile_for_gpus(text):
    """Compiles a network, makes the list of few clips, whose second step has a clip for the first rank alone, and trains by emulators."""
    with open("motion/train.txt", encoding="utf-8") as file:
        lines = file.readlines()
    with open("motion/few.txt", "w", encoding="utf-8") as file:
        file.writelines(lines[:9])
    with open("normed.arch", "w", encoding="utf-8") as file:
        file.write(text)
    run([KINEMA, "compile", "normed.arch", "--distributed", "--target", "sm_90a", "--emulator", "--cuda-path", "nowhere", "-o", "gpu.kinema"])
    by_emulators("emulated")


def gpus():
    # Gradients of a megabyte, which the plan adds to their sums in a launch of their own.
    wide = SMALL.replace("  pool avg global", "  wide: conv2d d=1 ch=4096 stride=4 bn=off\n  last: conv2d d=1 ch=64\n  pool avg global")
    for text, buckets in ((wide, ("2 buckets", "one bucket")), (SMALL, ("one bucket",))):
        compile_for_gpus(text)
        for count in buckets:
            # Sums are made as late as may be, and as early: what does not wait for them, or they for it, has other bits.
            early = {"KINEMA_STANDIN_NCCL": "early"} if count == "2 buckets" or text == SMALL else {}
            said = on_gpus(2, "nccl", "--bucket", "0.5" if count == "2 buckets" else "100", **early)
            beside = "" if count == "one bucket" else ", while the step goes on"
            assert f"the ranks add up their gradients in {count} by NCCL 2.28.9 between their GPUs{beside}, all in one graph\n" in said, said
            assert "stand-in" not in said.replace("stand-in for an H200", ""), said
            assert same_bits("emulated", "nccl")
    print("2 GPUs came to the bits of 2 emulators")
    mistakes_of_nccl()


def meetings():
    """Statistics that are shared, sums that are rounded, and how ranks meet: where torchrun starts them, and where NCCL cannot join them."""
    synced_gpus()
    by_torchrun()
    compressed_gpus()
    without_nccl()


def synced_gpus():
    """Trains GPUs that add up statistics between launches, in the graph of the step and, where a rank has no clips, outside of it."""
    compile_for_gpus(SMALL.replace("  batch ", "  bn sync\n  batch "))
    for nccl in ("late", "early"):
        said = on_gpus(2, "nccl", KINEMA_STANDIN_NCCL=nccl)
        assert "between their GPUs, all in one graph" in said and "stand-in" not in said.replace("stand-in for an H200", ""), said
        assert same_bits("emulated", "nccl")
    assert [row["clips"] for row in rows("nccl", "steps.jsonl")][-1] < BATCH  # no clip for the second rank
    said = on_gpus(2, "nccl", KINEMA_CUDA_SYNC="1")
    assert "between their GPUs\n" in said, said
    assert same_bits("emulated", "nccl")
    # Where one rank cannot capture sums, none does. (They do not come far: this GPU does nothing while a rank does not wait for it.)
    said = on_gpus(2, "nccl", status=1, second={"KINEMA_CUDA_SYNC": "1"}, KINEMA_RANK_SECONDS="3")
    assert "between their GPUs\n" in said, said
    print("GPUs that share statistics came to the bits of emulators")


def compressed_gpus():
    """Trains GPUs that send gradients as bfloat16, in the graph of the step and outside of it: of two ranks, a sum is rounded once by either library."""
    by_emulators("rounded", "--compress", "bf16")
    for environment in ({}, {"KINEMA_STANDIN_NCCL": "early"}, {"KINEMA_CUDA_SYNC": "1"}):
        said = on_gpus(2, "compressed", "--compress", "bf16", **environment)
        assert "between their GPUs, as bfloat16" in said and "stand-in" not in said.replace("stand-in for an H200", ""), said
        assert same_bits("rounded", "compressed") and not same_bits("emulated", "compressed")
    print("2 GPUs that send bfloat16 came to the bits of 2 emulators that do")


def by_torchrun():
    """Has torchrun start the ranks, which meet through NCCL."""
    # Without these two, PyTorch 1.13 fails on Python 3.11.
    told = ["--redirects", "1", "--tee", "1"]
    words = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", *told, "--master_addr", "127.0.0.1", "--no_python", RUNTIME, "train", "gpu.kinema",
             *command("torch", "--device", "cuda", "--overwrite", "--epochs", "1", lists=("--train", "motion/few.txt"))[3:]]
    environment = {"TMPDIR": os.getcwd(), "LD_LIBRARY_PATH": STANDIN, "KINEMA_STANDIN_PACKAGE": "gpu.kinema", "KINEMA_STANDIN_GPUS": "2"}
    said = run([*words[:5], "--master_port", "29411", *words[5:]], environment=environment)
    assert "by NCCL 2.28.9 between their GPUs, all in one graph" in said, said
    assert same_bits("emulated", "torch")
    said = run([*words[:5], "--master_port", "29421", *words[5:]], 1, {**environment, "KINEMA_STANDIN_NCCL": "hang", "KINEMA_RANK_SECONDS": "2"})
    assert "the other ranks' GPUs have not answered for 2 s" in said, said
    alone = words[words.index(RUNTIME):]
    said = run(alone, 1, {**environment, "TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "2", "RANK": "0"})
    assert "without MASTER_ADDR and MASTER_PORT" in said, said
    said = run(alone, 1, {**environment, "TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29401",
                          "KINEMA_STANDIN_LACKS": "GPU"})
    assert "the ranks' GPU: finding the GPU failed" in said, said
    # Each rank may name another GPU than that by which it has met the others.
    said = run([*words[:5], "--master_port", "29431", *[word if word != "cuda" else "cuda:0" for word in words[5:]]], 0, environment)
    assert "ranks 0 and 1 share a GPU" in said and "through this machine's memory and NCCL" in said, said
    assert same_bits("emulated", "torch")
    print("ranks that torchrun started met through NCCL")


def without_nccl():
    """Trains on GPUs that NCCL cannot join: the bits are the same."""
    nowhere = {"KINEMA_NCCL_LIBRARY": "/nowhere/libnccl.so.2"}
    for reason, keywords in (("rank 0: NCCL cannot be opened: /nowhere/libnccl.so.2: ", nowhere),
                             ("rank 1: NCCL cannot be opened: /nowhere/libnccl.so.2: ", {"second": nowhere}),
                             ("rank 0: NCCL (" + STANDIN + "/libmpi-standin.so) has no function nccl", {"KINEMA_NCCL_LIBRARY": STANDIN + "/libmpi-standin.so"}),
                             ("rank 0 has NCCL 2.28.9 and rank 1 has NCCL 2.8.3", {"second": {"KINEMA_STANDIN_NCCL_VERSION": "2803"}}),
                             ("rank 0: GPU 0, stand-in for an H200: asking for the GPU's UUID failed: ", {"KINEMA_STANDIN_LACKS": "UUIDs"}),
                             ("ranks 0 and 1 share a GPU", {"gpus": 1})):
        said = on_gpus(2, "memory", **keywords)
        assert "the ranks add up their gradients in one bucket through this machine's memory and MPI; NCCL cannot do it by itself: " + reason in said, said
        assert same_bits("emulated", "memory"), reason
    print("where NCCL cannot join GPUs, MPI adds up")


def mistakes_of_nccl():
    for mistake, message in (("id", "NCCL 2.28.9: naming the ranks' group failed: unhandled system error"),
                             ("init", "NCCL 2.28.9: joining the ranks failed: unhandled system error"),
                             ("weight", "NCCL 2.28.9: making a weighted sum failed: unhandled system error"),
                             ("group", "NCCL 2.28.9: adding up failed: unhandled system error"), ("sum", "NCCL 2.28.9: adding up failed: unhandled system error"),
                             ("start", "NCCL 2.28.9: adding up failed: unhandled system error"),
                             ("async", "NCCL 2.28.9: adding up failed: remote process exited or there was a network error"),
                             ("hang", "the other ranks' GPUs have not answered for 2 s: a rank has died or hangs; where they need more time, KINEMA_RANK_SECONDS says how long to wait"),
                             ("apart", "rank 0 of 2: the other ranks' GPUs have not joined this one's for 2 s: a rank has died or hangs"),
                             ("order", "stand-in for NCCL: sum 0 is of ")):
        said = on_gpus(2, mistake, status=1, KINEMA_STANDIN_NCCL=mistake, KINEMA_RANK_SECONDS="2")
        assert message in said, said
    print("what goes wrong in NCCL was told, and ended all")


def main():
    parts = {"equal": equal, "resume": resume, "sync": sync, "failures": failures, "overlap": overlap, "cache": cache, "gpus": gpus,
             "meetings": meetings}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with open("tiny.arch", "w", encoding="utf-8") as file:
            file.write(SPEC)
        run([KINEMA, "data", "make-motion", "motion", "--train", "11", "--test", "3", "--height", "48", "--width", "64", "--frames", "12"])
        for name in sys.argv[2:] or parts:
            parts[name]()


main()
