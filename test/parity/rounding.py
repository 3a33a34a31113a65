"""Adds to PyTorch the rounding to halves, bfloat16 or float16, that a Kinema package for GPUs has, and nothing else: of what is stored, of what
goes into a matrix product, and of the working copies of weights. All arithmetic is in f32."""
import torch
from torchvision.models.video.resnet import BasicBlock


SCALE = 65536  # of the loss, which bfloat16 would not need


class Round(torch.autograd.Function):
    """Rounds a value, its gradient, or both."""

    @staticmethod
    def forward(context, x, value, gradient, half):
        context.half = half if gradient else torch.float32
        return x.to(half).float() if value else x.clone()

    @staticmethod
    def backward(context, g):
        return (g * SCALE).to(context.half).float() / SCALE, None, None, None


def round_like_a_gpu(model, half=torch.bfloat16):
    for module in model.modules():
        if isinstance(module, (torch.nn.Conv3d, torch.nn.Linear)):  # scores are not stored rounded
            module.register_forward_pre_hook(lambda _, inputs: (Round.apply(inputs[0], True, False, half),))
            module.register_forward_hook(lambda m, _, z: Round.apply(z, isinstance(m, torch.nn.Conv3d), True, half))
            module.weight.data = module.weight.data.to(half).float()
        elif isinstance(module, torch.nn.BatchNorm3d):  # rounds the gradient that a ReLU has masked
            module.register_forward_hook(lambda _1, _2, y: Round.apply(y, False, True, half))
        elif isinstance(module, BasicBlock):  # rounds the join
            module.register_forward_hook(lambda _1, _2, y: Round.apply(y, True, False, half))
