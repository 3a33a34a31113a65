"""Settings of a recipe as the command line takes them."""
from typing import Any, List, Mapping


def setting_texts(settings: Mapping[str, Any]) -> List[str]:
    """Returns ``["train.rate=0.1"]`` for ``{"train.rate": 0.1}``; lists become ``[1 2]``, and pairs of a size ``112x112`` are
    texts already."""
    return [f"{name}={_text(value)}" for name, value in settings.items()]


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(_text, value)) + "]"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
