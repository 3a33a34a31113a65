"""Networks in PyTorch, written from their papers. Their parameters have the names of the specs in models/, but for torchvision's."""
from .inception import I3D, Gate, Timeception, separable
from .mobile import X3D, TSMMobileNetV2, movinet_a0
from .motion import TDN, TEA, TPN, CostNet, SlowFast
from .preact import DoubleAttention, glore_50, mfnet
from .resnets import P3D63, TSM50, I3DResNet50, ResNet50, SEBottleneck, cube, depthwise, plane, preserved, r2plus1d, r3d_50_nl, rmc3
from .stacks import LTC, FactorisedSTCN, SlowFusion, artnet_18, eco_lite
from .transformers import TimeSformer, VideoMAE, VideoSwin, mvit
from .units import SHALLOW, SPACE, stem_pool, with_eps

# By the names of the specs, or of what SETTINGS of papers_parity.py make of them.
NETWORKS = {"r3d_50": lambda: with_eps(ResNet50(cube), 1e-3),
            "r2plus1d": lambda: with_eps(r2plus1d(SHALLOW), 1e-3),
            "rmc3": lambda: with_eps(rmc3(SHALLOW), 1e-3),
            "se_frames": lambda: ResNet50(plane, stem_pool, (1, 7, 7), SPACE, SEBottleneck, SHALLOW),
            "i3d_50": lambda: I3DResNet50(SHALLOW),
            "mfnet": lambda: mfnet((2, 2, 2, 2)),
            "glore_50": lambda: with_eps(glore_50(depths=SHALLOW), 1e-4),
            "a2_50": lambda: with_eps(glore_50(DoubleAttention, SHALLOW), 1e-4),
            "ltc": lambda: LTC(1),
            "slow_fusion": lambda: SlowFusion(1),
            "f_stcn": lambda: FactorisedSTCN(1),
            "artnet_18": artnet_18,
            "eco_lite": eco_lite,
            "cost_50": lambda: CostNet((2, 2, 1, 1)),
            "tea_50": lambda: TEA((2, 2, 2, 2)),
            "tpn_50": lambda: TPN((1, 1, 1, 1)),
            "tdn_50": lambda: TDN((1, 2, 2, 2)),
            "timeception_i3d": lambda: with_eps(Timeception(1), 1e-3),
            "r3d_50_nl": lambda: with_eps(r3d_50_nl(), 1e-3),
            "ip_csn_50": lambda: with_eps(ResNet50(preserved, stem_pool), 1e-3),
            "ir_csn_50": lambda: with_eps(ResNet50(depthwise, stem_pool), 1e-3),
            "p3d_63": P3D63,
            "tsm_50": TSM50,
            "tsm_mobilenet_v2": TSMMobileNetV2,
            "slowfast_50_4x16": SlowFast,
            "i3d": lambda: with_eps(I3D(), 1e-3),
            "x3d_m": X3D,
            "movinet_a0": lambda: with_eps(movinet_a0(), 1e-3),
            "videomae_b": lambda: VideoMAE((2, 2, 3)),
            "timesformer_b": lambda: TimeSformer((3, 2, 3)),
            "video_swin_t": lambda: VideoSwin((2, 2, 2), (1, 1, 1, 1)),
            "mvit_b_16x4": lambda: mvit("mvit_v1_b", 8, 64),
            "mvit_v2_s": lambda: mvit("mvit_v2_s", 8, 64),
            "s3d_g": lambda: with_eps(I3D(separable, Gate), 1e-3)}
# Those above that have fewer blocks than the papers', or other sizes, as they are: by frames and the size of a frame.
WHOLE = {"mfnet": lambda frames, size: mfnet(),
         "cost_50": lambda frames, size: CostNet(),
         "tea_50": lambda frames, size: TEA(),
         "tpn_50": lambda frames, size: TPN(),
         "tdn_50": lambda frames, size: TDN(),
         "timeception_i3d": lambda frames, size: with_eps(Timeception(min(4, (frames // 8).bit_length() - 1)), 1e-3),
         "glore_50": lambda frames, size: with_eps(glore_50(), 1e-4),
         "slow_fusion": lambda frames, size: SlowFusion(36),
         "f_stcn": lambda frames, size: FactorisedSTCN(9, frames),
         "videomae_b": lambda frames, size: VideoMAE((frames // 2, size // 16, size // 16)),
         "timesformer_b": lambda frames, size: TimeSformer((frames, size // 16, size // 16)),
         "video_swin_t": lambda frames, size: VideoSwin(),
         "mvit_b_16x4": lambda frames, size: mvit("mvit_v1_b", frames, size),
         "mvit_v2_s": lambda frames, size: mvit("mvit_v2_s", frames, size)}
