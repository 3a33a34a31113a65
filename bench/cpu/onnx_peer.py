"""Is the peer: times an exported network (ONNX) in OpenVINO or ONNX Runtime on the CPU.

usage: onnx_peer.py ENGINE MODEL PRECISION BATCH THREADS RUNS SECONDS [CACHE]

ENGINE: openvino or onnxruntime. PRECISION: fp32, or bf16, which OpenVINO alone has on CPUs. CACHE is a folder in which OpenVINO
keeps what it compiled. It makes as many runs as fit in SECONDS, 1 to RUNS, after one that is not counted. Prints {"version",
"first": seconds from the file to the first result, "runs": seconds of each, "peak_memory_bytes": of the process}. With THREADS 0
it says the version alone.
"""
import json
import sys

from runs import time_runs


def of_openvino(path, precision, batch, threads, cache):
    """Returns what runs the model once, and the shape of its input."""
    core = openvino.Core()
    if cache:
        core.set_property({"CACHE_DIR": cache})
    model = core.read_model(path)
    model.reshape({model.inputs[0]: [batch, *(axis.get_length() for axis in list(model.inputs[0].partial_shape)[1:])]})
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
                                                "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision]})
    request = compiled.create_infer_request()
    return lambda clips: request.infer([clips]), list(compiled.inputs[0].shape)


def of_onnxruntime(path, precision, batch, threads, cache):
    if precision != "fp32":
        sys.exit("ONNX Runtime computes in fp32 alone on CPUs")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    return lambda clips: session.run(None, {entry.name: clips}), [batch, *entry.shape[1:]]


def main():
    name, model, precision = sys.argv[1:4]
    batch, threads, runs, seconds = int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]), float(sys.argv[7])
    module = globals()[name] = __import__(name)
    version = module.__version__.split("-")[0]
    if threads == 0:
        print(json.dumps({"version": version}))
        return
    cache = sys.argv[8] if len(sys.argv) > 8 else ""
    engine = {"openvino": of_openvino, "onnxruntime": of_onnxruntime}[name]
    print(json.dumps({"version": version} | time_runs(lambda: engine(model, precision, batch, threads, cache), runs, seconds)))


if __name__ == "__main__":
    main()
