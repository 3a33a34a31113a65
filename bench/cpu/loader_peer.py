"""Measures how many clips a second PyAV, decord or torchcodec decodes, scales and cuts from the videos of a list, on one thread.

usage: loader_peer.py av|decord|torchcodec LIST CLIPS STRIDE

A clip is 16 frames, every STRIDE-th, from a random place of a video, scaled to 128x171; a random 112x112 of these, as bytes.
Each video is opened for its clip, as data sets of many videos do. Prints {"core_seconds": of processor time for a clip,
"version"}.
"""
import json
import os
import random
import sys
import time

import numpy

FRAMES, HEIGHT, WIDTH, CROP = 16, 128, 171, 112


def start_of(frames, stride):
    return random.randrange(max(1, frames - (FRAMES - 1) * stride))


def clip_of_av(path, stride):
    """Seeks to the key frame before the clip, decodes on, and scales only what is wanted."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        first = start_of(stream.frames, stride)
        ticks = 1 / (stream.average_rate * stream.time_base)
        begin = stream.start_time or 0
        container.seek(int(begin + first * ticks), stream=stream, backward=True)
        clip = []
        for frame in container.decode(stream):
            number = round((frame.pts - begin) / ticks) - first
            if number >= 0 and number % stride == 0:
                clip.append(frame.to_ndarray(width=WIDTH, height=HEIGHT, format="rgb24", interpolation="BILINEAR"))
                if len(clip) == FRAMES:
                    return numpy.stack(clip)


def clip_of_decord(path, stride):
    reader = decord.VideoReader(path, ctx=decord.cpu(0), width=WIDTH, height=HEIGHT, num_threads=1)
    first = start_of(len(reader), stride)
    return reader.get_batch(range(first, first + FRAMES * stride, stride)).asnumpy()


def clip_of_torchcodec(path, stride):
    """Its filters scale. It computes from the frame rate where a frame is, and so does not read all of the file first."""
    from torchcodec.decoders import VideoDecoder
    from torchcodec.transforms import Resize
    decoder = VideoDecoder(path, dimension_order="NHWC", num_ffmpeg_threads=1, seek_mode="approximate", transforms=[Resize((HEIGHT, WIDTH))])
    first = start_of(len(decoder), stride)
    return decoder.get_frames_in_range(first, first + FRAMES * stride, stride).data.numpy()


def cut(frames):
    """Cuts [3, 16, 112, 112] from [16, 128, 171, 3]."""
    top, left = random.randrange(HEIGHT - CROP + 1), random.randrange(WIDTH - CROP + 1)
    return numpy.ascontiguousarray(frames[:, top:top + CROP, left:left + CROP].transpose(3, 0, 1, 2))


def main():
    name, videos, clips, stride = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    module = globals()[name] = __import__(name)
    clip_of = {"av": clip_of_av, "decord": clip_of_decord, "torchcodec": clip_of_torchcodec}[name]
    folder = os.path.dirname(os.path.abspath(videos))
    paths = [os.path.join(folder, line.rsplit(None, 1)[0]) for line in open(videos)]
    random.seed(1)
    for path in paths:
        clip_of(path, stride)
    begin = time.process_time()
    for number in range(clips):
        assert cut(clip_of(paths[number % len(paths)], stride)).shape == (3, FRAMES, CROP, CROP)
    print(json.dumps({"core_seconds": (time.process_time() - begin) / clips, "version": module.__version__}))


if __name__ == "__main__":
    main()
