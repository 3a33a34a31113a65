"""Weights from modules of PyTorch to sessions, and back."""
import os
from typing import Any, Dict, List, Optional

import torch

from kinema._compile import compile
from kinema._library import ArgumentsWrong
from kinema._safetensors import format_tensors, parse_tensors
from kinema._session import Session

# What the tensors of modules are called, by where their classes are defined: the first that fits counts.
_NAMINGS = (("torchvision.models.video.", "torchvision"), ("torchvision.models.mobilenet", "torchvision-mobilenet"),
            ("torchvision.models.resnet", "torchvision-2d"))


def naming_of(module: torch.nn.Module) -> Optional[str]:
    """Returns the naming of a module's weights, as `--names` takes it; None where they have the spec's names."""
    for kind in type(module).__mro__:
        for prefix, naming in _NAMINGS:
            if f"{kind.__module__}.".startswith(prefix):
                return naming
    return None


def _floats(module: torch.nn.Module) -> Dict[str, Any]:
    """Returns the weights and statistics of a module; counts of batches are none."""
    return {name: tensor.detach().cpu().float().contiguous().numpy() for name, tensor in module.state_dict().items()
            if tensor.is_floating_point()}


def load_module(session: Session, module: torch.nn.Module, names: Optional[str] = None) -> Session:
    """Loads the weights of a module into a session. `names` is the naming of its tensors; it is found out for those of
    torchvision, and else they have the names of the spec."""
    return session.load(format_tensors(_floats(module)), names or naming_of(module))


def load_part(session: Session, module: torch.nn.Module, names: Optional[str] = None) -> List[str]:
    """Loads those weights of a module that the network has too, in their shapes, and leaves its others as they are. Returns
    the names of those others."""
    return session.load_part(format_tensors(_floats(module)), names or naming_of(module))


def store_module(session: Session, module: torch.nn.Module, names: Optional[str] = None) -> torch.nn.Module:
    """Writes the weights of a session into a module, in place."""
    tensors = parse_tensors(session.weights(names or naming_of(module)))
    state = module.state_dict()
    wanted = {name for name, tensor in state.items() if tensor.is_floating_point()}
    if wanted != set(tensors):
        differing = ", ".join(sorted(wanted ^ set(tensors))[:5])
        raise ArgumentsWrong(f"the module and {session.package.name} do not have the same tensors: {differing}")
    with torch.no_grad():
        for name, array in tensors.items():
            if tuple(state[name].shape) != array.shape:
                raise ArgumentsWrong(f"tensor {name} is {list(state[name].shape)} in the module, and {list(array.shape)} in the network")
            state[name].copy_(torch.tensor(array))
    return module


def from_module(module: torch.nn.Module, spec: "str | os.PathLike[str]", *, device: Optional[str] = None, threads: int = 0,
                names: Optional[str] = None, **options: Any) -> Session:
    """Compiles the spec of the network that a module is, and returns a session with the module's weights.

    `options` are those of `kinema.compile`. A network is written in Kinema's language, and not read from the module: `spec`
    is its text, or its file's path. Those of torchvision's video models are in the folder `models/torchvision`.
    """
    package = compile(spec, **options)
    return load_module(Session(package, device, threads), module, names)


def scores(session: Session, clips: torch.Tensor) -> torch.Tensor:
    """Returns what the network gives for clips, [N, C, T, H, W], as a tensor of its own."""
    return torch.from_numpy(session(clips))
