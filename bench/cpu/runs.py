"""Times what runs a network: the first result, and those after it."""
import time

import numpy
from machine import peak_memory


def time_runs(make, runs, seconds):
    """Times `make()`, which returns what runs a network once on clips, and their shape: from there to the first result, and then
    as many runs as fit in the seconds, 1 to `runs`."""
    start = time.perf_counter()
    infer, shape = make()
    made = time.perf_counter() - start
    clips = numpy.random.default_rng(1).standard_normal(shape, numpy.float32)

    def once():
        start = time.perf_counter()
        infer(clips)
        return time.perf_counter() - start
    first = made + once()
    times, end = [], time.perf_counter() + seconds
    while not times or (len(times) < runs and time.perf_counter() < end):
        times.append(once())
    return {"first": first, "runs": times, "peak_memory_bytes": peak_memory()}
