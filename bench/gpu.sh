#!/usr/bin/env bash
# Measures Kinema on a machine with a Hopper GPU, CUDA 13 and PyTorch, which needs nothing else that Kinema was built with.
#   bench/gpu.sh BUNDLE OUT [CALL|PART...]   BUNDLE: what bench/bundle made; CALL: 1, 2 or 3 (docs/benchmarks.md)
# BUDGET: seconds at the most (default: the call's, else 520). PYTHON: the Python that has PyTorch (default: python3).
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,4s/^# *//p' "$0" >&2; exit 2; }
bundle=$1 out=$2
shift 2
python=${PYTHON:-python3}
mkdir -p "$out"
if [ -f "$bundle" ]; then
  unpacked=$(mktemp -d)
  trap 'rm -rf "$unpacked"' EXIT
  "$python" -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$bundle" "$unpacked"
  bundle=$unpacked
fi
# The driver's library is here on machines whose loader does not find it.
for folder in /usr/local/nvidia/lib64 /usr/local/nvidia/lib /usr/lib64-nvidia; do
  [ -e "$folder/libcuda.so.1" ] && export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder"
done
# Kernels are loaded before anything is timed, and never while a graph is captured.
export CUDA_MODULE_LOADING=EAGER
"$python" "$bundle/scripts/measure.py" "$bundle" "$out" "$@"
