"""Lists of videos, in the formats in which data sets are published."""
import os
import weakref
from typing import Any, Iterator, List, Optional, Sequence, overload

import numpy

from kinema._library import call, closer, encoded, make, texts


class VideoList(Sequence[str]):
    """The videos of a list, as paths by which they are opened: a file in one of the formats of docs/data.md, or a folder of
    class folders.

    `format` is the one that name and content do not tell, `root` the folder of the videos, `names` a file with the names of the
    classes, `part` "train" or "test" of a list that holds both, and `split` one of HMDB51's. Loaders take the list in place of
    paths, and `Clips.of_list` also all that it knows of its videos.
    """

    def __init__(self, path: "str | os.PathLike[str]", *, format: Optional[str] = None, root: "str | os.PathLike[str] | None" = None,
                 names: "str | os.PathLike[str] | None" = None, part: Optional[str] = None, split: Optional[int] = None) -> None:
        chosen = {"format": format, "root": root, "labels": names, "part": part, "split": split}
        given = [f"{name}={os.fspath(value) if isinstance(value, os.PathLike) else value}" for name, value in chosen.items()
                 if value is not None]
        self.handle = handle = make("kinema_list_open", encoded(path), texts(given))
        weakref.finalize(self, closer("kinema_list_close", handle))
        self._videos: List[str] = [call("kinema_list_video", handle, video) for video in range(call("kinema_list_count", handle))]
        # The first label of each video, [videos], -1 where it has none; and all labels of each.
        self.all_labels: List[List[int]] = [self._labels(video) for video in range(len(self._videos))]
        self.labels = numpy.array([(own or [-1])[0] for own in self.all_labels], numpy.int32)
        # The names of the classes in the order of the labels; none where the list has numbers alone.
        self.classes: List[str] = [call("kinema_list_class_name", handle, label) for label in range(call("kinema_list_class_count", handle))]

    def _labels(self, video: int) -> List[int]:
        labels: List[int] = []
        while True:
            label = call("kinema_list_label", self.handle, video, len(labels))
            if label < 0:
                return labels
            labels.append(label)

    @overload
    def __getitem__(self, number: int) -> str: ...

    @overload
    def __getitem__(self, number: slice) -> List[str]: ...

    def __getitem__(self, number: Any) -> Any:
        return self._videos[number]

    def __len__(self) -> int:
        return len(self._videos)

    def __iter__(self) -> Iterator[str]:
        return iter(self._videos)

    def __repr__(self) -> str:
        return f"VideoList({len(self)} videos, {len(self.classes) or 'no names of'} classes)"
