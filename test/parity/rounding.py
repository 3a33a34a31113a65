"""Adds to PyTorch the rounding to bfloat16 that a Kinema package for GPUs has, and nothing else: of what is stored, of what
goes into a matrix product, and of the working copies of weights. All arithmetic is in f32."""
import torch
from torchvision.models.video.resnet import BasicBlock


class Round(torch.autograd.Function):
    """Rounds a value, its gradient, or both."""

    @staticmethod
    def forward(context, x, value, gradient):
        context.rounds = gradient
        return x.bfloat16().float() if value else x.clone()

    @staticmethod
    def backward(context, g):
        return (g.bfloat16().float() if context.rounds else g), None, None


def round_like_a_gpu(model):
    for module in model.modules():
        if isinstance(module, (torch.nn.Conv3d, torch.nn.Linear)):  # scores are not stored rounded
            module.register_forward_pre_hook(lambda _, inputs: (Round.apply(inputs[0], True, False),))
            module.register_forward_hook(lambda m, _, z: Round.apply(z, isinstance(m, torch.nn.Conv3d), True))
            module.weight.data = module.weight.data.bfloat16().float()
        elif isinstance(module, torch.nn.BatchNorm3d):  # rounds the gradient that a ReLU has masked
            module.register_forward_hook(lambda _1, _2, y: Round.apply(y, False, True))
        elif isinstance(module, BasicBlock):  # rounds the join
            module.register_forward_hook(lambda _1, _2, y: Round.apply(y, True, False))
