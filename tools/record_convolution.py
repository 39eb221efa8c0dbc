"""Record what PyTorch answers to calls of convolution and pooling, right and wrong ones.

Run with an interpreter that has torch:

    python tools/record_convolution.py      writes tests/data/convolution.json

`tests/nn/test_convolution.py` runs the same calls with chainrule. A case is an expression in
`torch`, `F` (nn.functional), `z` (zeros), `v` (numbers, the same everywhere), `chain` (the nodes of a
result) and the leaves below; what is kept is the printed value, or the class and the first line of
the error.
Long because: the calls are a table.
"""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "tests" / "data" / "convolution.json"

# fmt: off
CASES: dict[str, str] = {
    'conv int64': 'F.conv2d(torch.ones(1, 1, 4, 4, dtype=torch.int64), torch.ones(1, 1, 2, 2, dtype=torch.int64))',
    'conv int32 t': 'F.conv_transpose2d(torch.ones(1, 1, 2, 2, dtype=torch.int32), torch.ones(1, 1, 2, 2, dtype=torch.int32))',
    'conv int1d': 'F.conv1d(torch.ones(1, 1, 4, dtype=torch.int64), torch.ones(1, 1, 2, dtype=torch.int64))',
    'conv int3d': 'F.conv3d(torch.ones(1, 1, 4, 4, 4, dtype=torch.int64), torch.ones(1, 1, 2, 2, 2, dtype=torch.int64))',
    'conv bool': 'F.conv2d(torch.ones(1, 1, 4, 4, dtype=torch.bool), torch.ones(1, 1, 2, 2, dtype=torch.bool))',
    'conv half': 'F.conv2d(torch.ones(1, 1, 4, 4, dtype=torch.half), torch.ones(1, 1, 2, 2, dtype=torch.half)).dtype',
    'conv ch': 'F.conv2d(z(1, 4, 5, 5), z(8, 3, 3, 3))',
    'conv chg': 'F.conv2d(z(1, 4, 5, 5), z(8, 3, 3, 3), groups=2)',
    'conv outdiv': 'F.conv2d(z(1, 4, 5, 5), z(3, 2, 3, 3), groups=2)',
    'conv dim2': 'F.conv2d(z(5, 5), z(8, 3, 3, 3))',
    'conv dim5': 'F.conv2d(z(1, 1, 1, 5, 5), z(8, 3, 3, 3))',
    'conv dim1': 'F.conv1d(z(5), z(8, 3, 3))',
    'conv dim3': 'F.conv3d(z(5), z(8, 3, 3, 3, 3))',
    'conv wdim': 'F.conv2d(z(1, 3, 5, 5), z(8, 3, 3))',
    'conv wdim2': 'F.conv2d(z(1, 3, 5, 5), z(8, 3, 3, 3, 3))',
    'conv kbig': 'F.conv2d(z(1, 3, 5, 5), z(8, 3, 7, 7))',
    'conv kbigp': 'F.conv2d(z(1, 3, 5, 5), z(8, 3, 9, 7), padding=1)',
    'conv bias': 'F.conv2d(z(1, 3, 5, 5), z(8, 3, 3, 3), z(7))',
    'conv bias2': 'F.conv2d(z(1, 3, 5, 5), z(8, 3, 3, 3), z(8, 1))',
    'conv dt': 'F.conv2d(z(1, 3, 5, 5), z(8, 3, 3, 3).double())',
    'conv dtb': 'F.conv2d(z(1, 3, 5, 5), z(8, 3, 3, 3), z(8).double())',
    'conv stride3': 'F.conv2d(z(1, 3, 5, 5), z(8, 3, 3, 3), stride=(1, 2, 3))',
    'conv pad3': 'F.conv2d(z(1, 3, 5, 5), z(8, 3, 3, 3), padding=(1, 2, 3))',
    'conv padstr': "F.conv2d(z(1, 3, 5, 5), z(8, 3, 3, 3), padding='foo')",
    'conv strideF': 'F.conv2d(z(1, 3, 5, 5), z(8, 3, 3, 3), stride=1.5)',
    'conv padF': 'F.conv2d(z(1, 3, 5, 5), z(8, 3, 3, 3), padding=1.5)',
    'conv nt': 'F.conv2d([1], z(8, 3, 3, 3))',
    'conv nt2': 'F.conv2d(z(1, 3, 5, 5), 5)',
    'conv zero N': 'F.conv2d(z(0, 3, 5, 5), z(8, 3, 3, 3)).shape',
    'conv zero sp': 'F.conv2d(z(1, 3, 0, 5), z(8, 3, 3, 3), padding=2).shape',
    'conv zero k': 'F.conv2d(z(1, 3, 5, 5), z(8, 3, 0, 3)).shape',
    'conv stride0': 'F.conv2d(z(1, 3, 5, 5), z(8, 3, 3, 3), stride=0)',
    'conv T ch': 'F.conv_transpose2d(z(1, 4, 5, 5), z(3, 8, 3, 3))',
    'conv T chg': 'F.conv_transpose2d(z(1, 4, 5, 5), z(4, 8, 3, 3), groups=3)',
    'conv T bias': 'F.conv_transpose2d(z(1, 4, 5, 5), z(4, 8, 3, 3), z(7))',
    'conv T biasg': 'F.conv_transpose2d(z(1, 4, 5, 5), z(4, 8, 3, 3), z(8), groups=2)',
    'conv T op': 'F.conv_transpose2d(z(1, 4, 5, 5), z(4, 8, 3, 3), output_padding=1)',
    'conv T opn': 'F.conv_transpose2d(z(1, 4, 5, 5), z(4, 8, 3, 3), output_padding=-1)',
    'conv T dim': 'F.conv_transpose2d(z(4, 5), z(4, 8, 3, 3))',
    'conv T padbig': 'F.conv_transpose2d(z(1, 4, 1, 1), z(4, 8, 3, 3), padding=2)',
    'conv T pads': "F.conv_transpose2d(z(1, 4, 1, 1), z(4, 8, 3, 3), padding='same')",
    'conv T zeroN': 'F.conv_transpose2d(z(0, 4, 5, 5), z(4, 8, 3, 3)).shape',
    'conv tbc': 'torch.conv_tbc(z(5, 2, 3), z(3, 3, 4), z(4), 1).shape',
    'conv tbc e': 'torch.conv_tbc(z(5, 2, 3), z(3, 2, 4), z(4), 1).shape',
    'conv tbc e2': 'torch.conv_tbc(z(5, 2, 3, 1), z(3, 2, 4), z(4), 1).shape',
    'conv tbc e3': 'torch.conv_tbc(z(5, 2, 3), z(3, 3, 4), z(5), 1).shape',
    'conv tbc e4': 'torch.conv_tbc(z(5, 2, 3), z(3, 3, 4, 1), z(5), 1).shape',
    'conv tbc e5': 'torch.conv_tbc(z(5, 2, 3), z(3, 3, 4), None, 1).shape',
    'conv convolution': 'torch.convolution(z(1, 3, 5, 5), z(8, 3, 3, 3), None, (1, 1), (0, 0), (1, 1), False, (0, 0), 1).shape',
    'conv convolution2': 'torch.convolution(z(1, 3, 5, 5), z(8, 3, 3, 3), None, (1, 1, 1), (0, 0), (1, 1), False, (0, 0), 1).shape',
    'conv convolutionT': 'torch.convolution(z(1, 3, 5, 5), z(3, 8, 3, 3), None, [2, 2], [0, 0], [1, 1], True, [1, 1], 1).shape',
    'conv convolution1': 'torch.convolution(z(1, 3, 5, 5), z(8, 3, 3, 3), None, [2], [0], [1], False, [0], 1).shape',
    'conv same even': "F.conv1d(z(1, 1, 5), z(1, 1, 2), padding='same').shape",
    'conv valid': "F.conv1d(z(1, 1, 5), z(1, 1, 2), padding='valid').shape",
    'conv sames': "F.conv1d(z(1, 1, 5), z(1, 1, 2), padding='same', stride=2).shape",
    'conv2d': 'gf(F.conv2d(x, w))',
    'unb': 'gf(F.conv2d(x[0], w, b))',
    'same': "gf(F.conv2d(x, w, b, padding='same'))",
    'T': 'gf(F.conv_transpose2d(x, w))',
    'conv1d': 'gf(F.conv1d(x1, w1))',
    'tbc': 'gf(torch.conv_tbc(x1.permute(2, 0, 1), w1.permute(2, 1, 0), b))',
    'mp1': 'gf(F.max_pool1d(x1, 2))',
    'mp1i': 'gf(F.max_pool1d(x1, 2, return_indices=True))',
    'mp2': 'gf(F.max_pool2d(x, 2))',
    'mp2i': 'gf(F.max_pool2d(x, 2, return_indices=True))',
    'mp3': 'gf(F.max_pool3d(x3, 2))',
    'ap1': 'gf(F.avg_pool1d(x1, 2))',
    'ap2': 'gf(F.avg_pool2d(x, 2))',
    'ap3': 'gf(F.avg_pool3d(x3, 2))',
    'aa1': 'gf(F.adaptive_avg_pool1d(x1, 2))',
    'aa2': 'gf(F.adaptive_avg_pool2d(x, 2))',
    'aa2_1': 'gf(F.adaptive_avg_pool2d(x, 1))',
    'aa3': 'gf(F.adaptive_avg_pool3d(x3, 2))',
    'aa3_1': 'gf(F.adaptive_avg_pool3d(x3, 1))',
    'aa1_1': 'gf(F.adaptive_avg_pool1d(x1, 1))',
    'am1': 'gf(F.adaptive_max_pool1d(x1, 2))',
    'am2': 'gf(F.adaptive_max_pool2d(x, 2))',
    'am3': 'gf(F.adaptive_max_pool3d(x3, 2))',
    'lp1': 'gf(F.lp_pool1d(x1, 2, 2))',
    'lp2': 'gf(F.lp_pool2d(x, 2, 2))',
    'lp3': 'gf(F.lp_pool3d(x3, 2, 2))',
    'fr2': 'gf(F.fractional_max_pool2d(x, 2, output_size=3))',
    'fr3': 'gf(F.fractional_max_pool3d(x3, 2, output_size=3))',
    'un1': 'gf(F.max_unpool1d(*F.max_pool1d(x1, 2, return_indices=True), 2))',
    'un2': 'gf(F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2))',
    'un3': 'gf(F.max_unpool3d(*F.max_pool3d(x3, 2, return_indices=True), 2))',
    'unfold': 'gf(F.unfold(x, 2))',
    'unfold u': 'gf(F.unfold(x[0], 2))',
    'fold': 'gf(F.fold(F.unfold(x, 2), (6, 6), 2))',
    'cguf': 'gf(torch.autograd.grad(F.unfold(x, 2).sum(), x, create_graph=True))',
    'mp int': 'F.max_pool2d(torch.arange(16).reshape(1, 4, 4), 2)',
    'mp int2': 'F.max_pool2d(torch.arange(16).reshape(1, 4, 4), 2, padding=1)',
    'mp1int': 'F.max_pool1d(torch.arange(16).reshape(1, 4, 4), 2)',
    'mp bool': 'F.max_pool2d(torch.ones(1, 4, 4, dtype=torch.bool), 2)',
    'mp cplx': 'F.max_pool2d(torch.ones(1, 4, 4, dtype=torch.complex64), 2)',
    'ap int': 'F.avg_pool2d(torch.arange(16).reshape(1, 4, 4), 2)',
    'ap int1': 'F.avg_pool1d(torch.arange(16).reshape(1, 4, 4), 2)',
    'ap int3': 'F.avg_pool3d(torch.arange(64).reshape(1, 4, 4, 4), 2)',
    'ap int32': 'F.avg_pool2d(torch.arange(16).reshape(1, 4, 4).int(), 2)',
    'ap cpl': 'F.avg_pool2d(torch.ones(1, 4, 4, dtype=torch.complex64), 2)',
    'aa int': 'F.adaptive_avg_pool2d(torch.arange(16).reshape(1, 4, 4), 2)',
    'aa int1': 'F.adaptive_avg_pool2d(torch.arange(16).reshape(1, 4, 4), 1)',
    'am int': 'F.adaptive_max_pool2d(torch.arange(16).reshape(1, 4, 4), 2)',
    'uf int': 'F.unfold(torch.arange(16).reshape(1, 1, 4, 4), 2)',
    'uf bool': 'F.unfold(torch.ones(1, 1, 4, 4, dtype=torch.bool), 2).shape',
    'uf cpl': 'F.unfold(torch.ones(1, 1, 4, 4, dtype=torch.complex64), 2).shape',
    'uf dim': 'F.unfold(z(4, 4), 2)',
    'uf dim5': 'F.unfold(z(1, 1, 1, 4, 4), 2)',
    'uf dim0': 'F.unfold(z(0, 1, 4, 4), 2).shape',
    'uf dim0c': 'F.unfold(z(1, 0, 4, 4), 2).shape',
    'uf k': 'F.unfold(z(1, 1, 4, 4), 5)',
    'uf k0': 'F.unfold(z(1, 1, 4, 4), 0)',
    'uf s0': 'F.unfold(z(1, 1, 4, 4), 2, stride=0)',
    'uf d0': 'F.unfold(z(1, 1, 4, 4), 2, dilation=0)',
    'uf p': 'F.unfold(z(1, 1, 4, 4), 2, padding=-1)',
    'uf k3': 'F.unfold(z(1, 1, 4, 4), (2, 2, 2))',
    'uf nt': 'F.unfold([1], 2)',
    'uf s3': 'F.unfold(z(1, 1, 4, 4), 2, stride=(1, 2, 3))',
    'uf k1': 'F.unfold(z(1, 1, 4, 4), (2,)).shape',
    'uf kf': 'F.unfold(z(1, 1, 4, 4), 2.5).shape',
    'fo dim': 'F.fold(z(4), (3, 3), 2)',
    'fo ch': 'F.fold(z(1, 5, 4), (3, 3), 2)',
    'fo L': 'F.fold(z(1, 4, 5), (3, 3), 2)',
    'fo L2': 'F.fold(z(4, 5), (3, 3), 2)',
    'fo k': 'F.fold(z(1, 4, 4), (3, 3), 0)',
    'fo big': 'F.fold(z(1, 25, 4), (3, 3), 5)',
    'fo os3': 'F.fold(z(1, 4, 4), (3, 3, 3), 2)',
    'fo p': 'F.fold(z(1, 4, 4), (3, 3), 2, padding=-1)',
    'fo dim4': 'F.fold(z(1, 1, 4, 4), (3, 3), 2)',
    'fo 0': 'F.fold(z(1, 0, 4), (3, 3), 2)',
    'fo N0': 'F.fold(z(0, 4, 4), (3, 3), 2).shape',
    'fo int': 'F.fold(torch.ones(1, 4, 4, dtype=torch.long), (3, 3), 2)',
    'fo os1': 'F.fold(z(1, 4, 4), 3, 2).shape',
    'fo d': 'F.fold(z(1, 4, 4), 3, 2, dilation=0)',
    'fo s': 'F.fold(z(1, 4, 4), 3, 2, stride=0)',
    'pool mp2 dim2': 'F.max_pool2d(z(4, 4), 2)',
    'pool mp2 dim5': 'F.max_pool2d(z(1, 1, 1, 4, 4), 2)',
    'pool mp2 k3': 'F.max_pool2d(z(1, 4, 4), (2, 2, 2))',
    'pool mp2 s3': 'F.max_pool2d(z(1, 4, 4), 2, (1, 2, 3))',
    'pool mp2 p3': 'F.max_pool2d(z(1, 4, 4), 2, 1, (1, 1, 1))',
    'pool mp2 d3': 'F.max_pool2d(z(1, 4, 4), 2, 1, 0, (1, 1, 1))',
    'pool mp2 k0': 'F.max_pool2d(z(1, 4, 4), 0)',
    'pool mp2 s0': 'F.max_pool2d(z(1, 4, 4), 2, 0)',
    'pool mp2 d0': 'F.max_pool2d(z(1, 4, 4), 2, dilation=0)',
    'pool mp2 kf': 'F.max_pool2d(z(1, 4, 4), 2.0)',
    'pool mp2 nt': 'F.max_pool2d([1], 2)',
    'pool mp2 N0': 'F.max_pool2d(z(0, 1, 4, 4), 2).shape',
    'pool mp2 C0': 'F.max_pool2d(z(1, 0, 4, 4), 2).shape',
    'pool mp2 3d0': 'F.max_pool2d(z(0, 4, 4), 2).shape',
    'pool mp2 []stride': 'F.max_pool2d(z(1, 4, 4), 2, []).shape',
    'pool mp2 k1t': 'F.max_pool2d(z(1, 4, 4), (2,)).shape',
    'pool mp1 dim1': 'F.max_pool1d(z(4), 2)',
    'pool mp1 dim4': 'F.max_pool1d(z(1, 1, 1, 4), 2)',
    'pool mp1 k2': 'F.max_pool1d(z(1, 4), (2, 2))',
    'pool mp1 s2': 'F.max_pool1d(z(1, 4), 2, (2, 2))',
    'pool mp1 pad': 'F.max_pool1d(z(1, 4), 2, padding=2)',
    'pool mp1 padn': 'F.max_pool1d(z(1, 4), 2, padding=-1)',
    'pool mp1 kbig': 'F.max_pool1d(z(1, 4), 5)',
    'pool mp1 N0': 'F.max_pool1d(z(0, 1, 4), 2).shape',
    'pool mp1 rg': 'F.max_pool1d(z(1, 4, requires_grad=True), 5)',
    'pool mp1 rg1': 'F.max_pool1d(z(4, requires_grad=True), 5)',
    'pool mp3 dim3': 'F.max_pool3d(z(4, 4, 4), 2)',
    'pool mp3 k2': 'F.max_pool3d(z(1, 4, 4, 4), (2, 2))',
    'pool mp3 C0': 'F.max_pool3d(z(1, 0, 4, 4, 4), 2)',
    'pool mp3 N0': 'F.max_pool3d(z(0, 1, 4, 4, 4), 2).shape',
    'pool mp3 s0': 'F.max_pool3d(z(1, 4, 4, 4), 2, 0)',
    'pool mp3 dim6': 'F.max_pool3d(z(1, 1, 1, 4, 4, 4), 2)',
    'pool mp3 k0': 'F.max_pool3d(z(1, 4, 4, 4), 0)',
    'pool ap1 dim1': 'F.avg_pool1d(z(4), 2)',
    'pool ap1 dim4': 'F.avg_pool1d(z(1, 1, 1, 4), 2)',
    'pool ap1 k2': 'F.avg_pool1d(z(1, 4), (2, 2))',
    'pool ap1 s2': 'F.avg_pool1d(z(1, 4), 2, (2, 2))',
    'pool ap1 kbig': 'F.avg_pool1d(z(1, 4), 5)',
    'pool ap1 s0': 'F.avg_pool1d(z(1, 4), 2, 0)',
    'pool ap1 N0': 'F.avg_pool1d(z(0, 1, 4), 2).shape',
    'pool ap1 C0': 'F.avg_pool1d(z(1, 0, 4), 2).shape',
    'pool ap1 dim2 0': 'F.avg_pool1d(z(0, 4), 2).shape',
    'pool ap1 k0': 'F.avg_pool1d(z(1, 4), 0)',
    'pool ap1 kf': 'F.avg_pool1d(z(1, 4), 2.5)',
    'pool ap2 dim2': 'F.avg_pool2d(z(4, 4), 2)',
    'pool ap2 dim5': 'F.avg_pool2d(z(1, 1, 1, 4, 4), 2)',
    'pool ap2 k3': 'F.avg_pool2d(z(1, 4, 4), (2, 2, 2))',
    'pool ap2 s3': 'F.avg_pool2d(z(1, 4, 4), 2, (1, 2, 3))',
    'pool ap2 p3': 'F.avg_pool2d(z(1, 4, 4), 2, 1, (1, 1, 1))',
    'pool ap2 kbig': 'F.avg_pool2d(z(1, 4, 4), 5)',
    'pool ap2 s0': 'F.avg_pool2d(z(1, 4, 4), 2, 0)',
    'pool ap2 N0': 'F.avg_pool2d(z(0, 1, 4, 4), 2).shape',
    'pool ap2 C0': 'F.avg_pool2d(z(1, 0, 4, 4), 2).shape',
    'pool ap2 0': 'F.avg_pool2d(z(0, 4, 4), 2).shape',
    'pool ap2 k0': 'F.avg_pool2d(z(1, 4, 4), 0)',
    'pool ap2 nt': 'F.avg_pool2d([1], 2)',
    'pool ap3 dim3': 'F.avg_pool3d(z(4, 4, 4), 2)',
    'pool ap3 k2': 'F.avg_pool3d(z(1, 4, 4, 4), (2, 2))',
    'pool ap3 s2': 'F.avg_pool3d(z(1, 4, 4, 4), 2, (2, 2))',
    'pool ap3 kbig': 'F.avg_pool3d(z(1, 4, 4, 4), 5)',
    'pool ap3 s0': 'F.avg_pool3d(z(1, 4, 4, 4), 2, 0)',
    'pool ap3 N0': 'F.avg_pool3d(z(0, 1, 4, 4, 4), 2).shape',
    'pool ap3 C0': 'F.avg_pool3d(z(1, 0, 4, 4, 4), 2).shape',
    'pool ap3 p2': 'F.avg_pool3d(z(1, 4, 4, 4), 2, 1, (1, 1))',
    'pool aa1 dim1': 'F.adaptive_avg_pool1d(z(4), 2)',
    'pool aa1 dim4': 'F.adaptive_avg_pool1d(z(1, 1, 1, 4), 2)',
    'pool aa1 os2': 'F.adaptive_avg_pool1d(z(1, 4), (2, 2))',
    'pool aa1 None': 'F.adaptive_avg_pool1d(z(1, 4), None)',
    'pool aa1 C0': 'F.adaptive_avg_pool1d(z(1, 0, 4), 2).shape',
    'pool aa1 L0': 'F.adaptive_avg_pool1d(z(1, 1, 0), 2).shape',
    'pool aa1 f': 'F.adaptive_avg_pool1d(z(1, 4), 2.5)',
    'pool aa2 dim5': 'F.adaptive_avg_pool2d(z(1, 1, 1, 4, 4), 2)',
    'pool aa2 N0': 'F.adaptive_avg_pool2d(z(0, 1, 4, 4), 2).shape',
    'pool aa2 C0': 'F.adaptive_avg_pool2d(z(1, 0, 4, 4), 2).shape',
    'pool aa2 H0': 'F.adaptive_avg_pool2d(z(1, 1, 0, 4), 2).shape',
    'pool aa2 3': 'F.adaptive_avg_pool2d(z(1, 4, 4), (2, 2, 2)).shape',
    'pool aa2 None': 'F.adaptive_avg_pool2d(z(1, 4, 5), (None, 2)).shape',
    'pool aa2 None2': 'F.adaptive_avg_pool2d(z(1, 4, 5), None).shape',
    'pool aa2 0': 'F.adaptive_avg_pool2d(z(1, 4, 5), 0).shape',
    'pool aa2 neg1': 'F.adaptive_avg_pool2d(z(1, 4, 5), -1).shape',
    'pool aa3 dim6': 'F.adaptive_avg_pool3d(z(1, 1, 1, 1, 4, 4), 2)',
    'pool aa3 H0': 'F.adaptive_avg_pool3d(z(1, 1, 0, 4, 4), 2).shape',
    'pool aa3 2': 'F.adaptive_avg_pool3d(z(1, 4, 4, 4), (2, 2)).shape',
    'pool am1 dim1': 'F.adaptive_max_pool1d(z(4), 2)',
    'pool am1 dim4': 'F.adaptive_max_pool1d(z(1, 1, 1, 4), 2)',
    'pool am1 os2': 'F.adaptive_max_pool1d(z(1, 4), (2, 2))',
    'pool am1 C0': 'F.adaptive_max_pool1d(z(1, 0, 4), 2).shape',
    'pool am1 L0': 'F.adaptive_max_pool1d(z(1, 1, 0), 2).shape',
    'pool am2 dim5': 'F.adaptive_max_pool2d(z(1, 1, 1, 4, 4), 2)',
    'pool am2 N0': 'F.adaptive_max_pool2d(z(0, 1, 4, 4), 2).shape',
    'pool am2 C0': 'F.adaptive_max_pool2d(z(1, 0, 4, 4), 2).shape',
    'pool am2 H0': 'F.adaptive_max_pool2d(z(1, 1, 0, 4), 2).shape',
    'pool am2 3': 'F.adaptive_max_pool2d(z(1, 4, 4), (2, 2, 2)).shape',
    'pool am2 0': 'F.adaptive_max_pool2d(z(1, 4, 5), 0).shape',
    'pool am3 dim6': 'F.adaptive_max_pool3d(z(1, 1, 1, 1, 4, 4), 2)',
    'pool am3 H0': 'F.adaptive_max_pool3d(z(1, 1, 0, 4, 4), 2).shape',
    'pool un1 dim': 'F.max_unpool1d(z(4), torch.zeros(4, dtype=torch.long), 2)',
    'pool un1 dim4': 'F.max_unpool1d(z(1, 1, 1, 4), torch.zeros(1, 1, 1, 4, dtype=torch.long), 2)',
    'pool un2 i32': 'F.max_unpool2d(z(1, 2, 2), torch.zeros(1, 2, 2, dtype=torch.int32), 2)',
    'pool un2 idx': 'F.max_unpool2d(z(1, 2, 2), torch.full((1, 2, 2), 99), 2)',
    'pool un2 neg': 'F.max_unpool2d(z(1, 2, 2), torch.full((1, 2, 2), -1), 2)',
    'pool un2 dim': 'F.max_unpool2d(z(2, 2), torch.zeros(2, 2, dtype=torch.long), 2)',
    'pool un2 os': 'F.max_unpool2d(z(1, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long), 2, output_size=(9, 9))',
    'pool un2 os2': 'F.max_unpool2d(z(1, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long), 2, output_size=(9, 9, 9, 9, 9))',
    'pool un2 os ok': 'F.max_unpool2d(z(1, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long), 2, output_size=(1, 5, 5)).shape',
    'pool un2 C0': 'F.max_unpool2d(z(1, 0, 2, 2), torch.zeros(1, 0, 2, 2, dtype=torch.long), 2).shape',
    'pool un2 N0': 'F.max_unpool2d(z(0, 1, 2, 2), torch.zeros(0, 1, 2, 2, dtype=torch.long), 2).shape',
    'pool un3 dim': 'F.max_unpool3d(z(2, 2), torch.zeros(2, 2, dtype=torch.long), 2)',
    'pool un3 idx': 'F.max_unpool3d(z(1, 2, 2, 2), torch.full((1, 2, 2, 2), 99), 2)',
    'pool un3 i32': 'F.max_unpool3d(z(1, 2, 2, 2), torch.zeros(1, 2, 2, 2, dtype=torch.int32), 2)',
    'pool un2 int': 'F.max_unpool2d(torch.arange(4).reshape(1, 2, 2) + 1, torch.zeros(1, 2, 2, dtype=torch.long), 2)',
    'pool fr2 none': 'F.fractional_max_pool2d(z(1, 1, 6, 6), 2)',
    'pool fr2 ratio': 'F.fractional_max_pool2d(z(1, 1, 6, 6), 2, output_ratio=0.5).shape',
    'pool fr2 ratio2': 'F.fractional_max_pool2d(z(1, 1, 6, 6), 2, output_ratio=(0.5, 0.5)).shape',
    'pool fr2 dim': 'F.fractional_max_pool2d(z(6, 6), 2, output_size=2)',
    'pool fr2 big': 'F.fractional_max_pool2d(z(1, 1, 6, 6), 5, output_size=5)',
    'pool fr2 k3': 'F.fractional_max_pool2d(z(1, 1, 6, 6), (2, 2, 2), output_size=5)',
    'pool fr2 os3': 'F.fractional_max_pool2d(z(1, 1, 6, 6), 2, output_size=(2, 2, 2))',
    'pool fr2 rs': 'F.fractional_max_pool2d(z(1, 1, 6, 6), 2, output_size=2, _random_samples=torch.rand(1, 2, 2))',
    'pool fr2 rs2': 'F.fractional_max_pool2d(z(1, 1, 6, 6), 2, output_size=2, _random_samples=torch.rand(1, 1))',
    'pool fr2 rsd': 'F.fractional_max_pool2d(z(1, 1, 6, 6), 2, output_size=2, _random_samples=torch.rand(1, 1, 2).double())',
    'pool fr2 C0': 'F.fractional_max_pool2d(z(1, 0, 6, 6), 2, output_size=2)',
    'pool fr2 N0': 'F.fractional_max_pool2d(z(0, 1, 6, 6), 2, output_size=2).shape',
    'pool fr3 none': 'F.fractional_max_pool3d(z(1, 1, 6, 6, 6), 2)',
    'pool fr3 dim': 'F.fractional_max_pool3d(z(6, 6), 2, output_size=2)',
    'pool fr3 big': 'F.fractional_max_pool3d(z(1, 1, 6, 6, 6), 5, output_size=5)',
    'pool fr2 int': 'F.fractional_max_pool2d(torch.zeros(1, 1, 6, 6, dtype=torch.long), 2, output_size=2)',
    'pool fr2 ratio>1': 'F.fractional_max_pool2d(z(1, 1, 6, 6), 2, output_ratio=1.5)',
    'pool lp neg': 'F.lp_pool2d(z(1, 1, 4, 4) - 1, 3, 2)',
    'pool lp k': 'F.lp_pool2d(z(1, 1, 4, 4), 3.0, (2, 3)).shape',
    'pool mp2 nan': "F.max_pool2d(torch.tensor([[[1.0, float('nan')], [float('nan'), 3]]]), 2, return_indices=True)",
    'pool mp2 -inf': "F.max_pool2d(torch.full((1, 2, 2), -float('inf')), 2, padding=1, return_indices=True)",
    'pool am nan': "F.adaptive_max_pool2d(torch.tensor([[[1.0, float('nan')], [float('nan'), 3]]]), 1, return_indices=True)",
    'pool am -inf': "F.adaptive_max_pool2d(torch.full((1, 4, 4), -float('inf')), 2, return_indices=True)",
    'pool mp1 nan': "F.max_pool1d(torch.tensor([[1.0, float('nan'), 2, float('nan')]]), 4, return_indices=True)",
    'pool mp2 tie': 'F.max_pool2d(torch.ones(1, 4, 4), 3, 2, 1, return_indices=True)',
}
# fmt: on


def numbers(torch: Any) -> Callable[..., Any]:
    """`v(2, 3)`: numbers without pattern, the same in every library."""

    def made(*shape: int, requires_grad: bool = False) -> Any:
        count = 1
        for n in shape:
            count *= n
        values = [((i * 7919 + 13) % 101) / 50 - 1 for i in range(count)]
        return torch.tensor(values).reshape(shape).requires_grad_(requires_grad)

    return made


def chain(made: Any) -> list[str]:
    """The names of the nodes on the way to the first operand."""
    made = made[0] if isinstance(made, tuple) else made
    node, found = made.grad_fn, []
    while node is not None and len(found) < 6:
        found.append(node.name().rpartition("::")[2])
        node = node.next_functions[0][0] if node.next_functions else None
    return found


def names(torch: Any) -> dict[str, Any]:
    """What the cases are written in."""
    v = numbers(torch)
    shapes = {
        "x": (1, 2, 6, 6), "x1": (1, 2, 8), "x3": (1, 2, 6, 6, 6), "w": (2, 2, 3, 3),
        "w1": (2, 2, 3), "b": (2,),
    }  # fmt: skip
    leaves = {name: v(*shape, requires_grad=True) for name, shape in shapes.items()}
    functional = importlib.import_module(torch.__name__ + ".nn.functional")
    return {"torch": torch, "F": functional, "z": torch.zeros, "r": v, "gf": chain, **leaves}


def answer(case: str, space: dict[str, Any]) -> str:
    """The printed value, or what was raised."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return str(eval(case, dict(space)))
    except Exception as error:
        said = str(error).splitlines()
        return f"{type(error).__name__}: {said[0] if said else ''}"


def main() -> None:
    """Record all cases."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    space = names(torch)
    found = {name: answer(case, space) for name, case in CASES.items()}
    DATA.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
