"""
The encoder as a network that can be trained: the lower layers of the base, and a head per label.

Only what training needs; judge/encoder runs the exported graph and knows no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as fn

from meydan.train.base import Base, Floats, Layer

EPSILON: Final = 1e-12
DROPOUT: Final = 0.1
ABSENT: Final = -1e4
"""Added to the attention to a place where there is no token."""


class _Block(nn.Module):
    def __init__(self, width: int, inner: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.after_attention = nn.LayerNorm(width, EPSILON)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.after = nn.LayerNorm(width, EPSILON)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, length, width = x.shape
        split = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        # Written out: for short texts the fused kernel's way back takes longer than all the rest.
        weights = (query @ key.transpose(-1, -2)) * (width // self.heads) ** -0.5 + mask
        seen = fn.softmax(weights, dim=-1).to(value.dtype) @ value
        seen = self.out(seen.transpose(1, 2).reshape(batch, length, width))
        x = self.after_attention(x + _dropped(seen, self.training))
        inner = self.down(fn.gelu(self.up(x)))
        return self.after(x + _dropped(inner, self.training))


class Net(nn.Module):
    """
    Token ids in; log-odds per label and a sentence vector out.

    The vectors of words and places are frozen: they are what ties a language that
    training has seen little of to those that it has seen much of.
    """

    def __init__(self, *, pieces: int, width: int, inner: int, heads: int, layers: int, labels: int) -> None:
        super().__init__()
        self.words = nn.Embedding(pieces, width)
        self.places = nn.Embedding(512, width)
        for frozen in (self.words, self.places):
            frozen.weight.requires_grad = False
        self.norm = nn.LayerNorm(width, EPSILON)
        self.blocks = nn.ModuleList(_Block(width, inner, heads) for _ in range(layers))
        self.head = nn.Linear(width, labels)
        self.meaning = nn.Linear(width, width)

    @classmethod
    def of(cls, base: Base, labels: int) -> Net:
        """The network of all the base's layers, its heads at zero."""
        width = base.words.shape[1]
        net = cls(
            pieces=base.words.shape[0],
            width=width,
            inner=base.layers[0].up.shape[0],
            heads=base.heads,
            layers=len(base.layers),
            labels=labels,
        )
        with torch.no_grad():
            net.words.weight.copy_(torch.from_numpy(base.words))
            net.places.weight.copy_(torch.from_numpy(base.places))
            _set(net.norm, *base.norm)
            for block, layer in zip(net.blocks, base.layers, strict=True):
                assert isinstance(block, _Block)
                _fill(block, layer)
            nn.init.zeros_(net.head.weight)
            nn.init.constant_(net.head.bias, -2.0)
            nn.init.eye_(net.meaning.weight)
            nn.init.zeros_(net.meaning.bias)
        return net

    def busy(self, texts: Iterable[Sequence[int]]) -> list[NDArray[np.float64]]:
        """
        How much each inner neuron of each layer adds to what the layer says: (inner,) a layer.

        The mean size of what it puts out over the tokens of some texts, times the length of what it is weighted with.
        """
        sums: list[Tensor] = []
        tokens = 0

        def listen(at: int) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
            def heard(_: nn.Module, given: tuple[Tensor, ...]) -> None:
                sums[at] += given[0].abs().sum((0, 1))

            return heard

        ears = []
        downs = []
        for i, block in enumerate(self.blocks):
            assert isinstance(block, _Block)
            downs.append(block.down)
            sums.append(torch.zeros(block.down.in_features))
            ears.append(block.down.register_forward_pre_hook(listen(i)))
        self.eval()
        with torch.inference_mode():
            for ids in texts:
                tokens += len(ids)
                self.pooled(torch.tensor([list(ids)]), torch.ones(1, len(ids)))
        for ear in ears:
            ear.remove()
        return [
            (total / max(1, tokens) * down.weight.norm(dim=0)).double().detach().numpy()
            for total, down in zip(sums, downs, strict=True)
        ]

    def pooled(self, ids: Tensor, mask: Tensor) -> Tensor:
        """The mean of the last layer over the tokens that are there: (batch, width)."""
        x = self.words(ids) + self.places.weight[: ids.shape[1]]
        x = _dropped(self.norm(x), self.training)
        absent = (1.0 - mask[:, None, None, :].to(torch.float32)) * ABSENT
        for block in self.blocks:
            x = block(x, absent)
        weights = mask.unsqueeze(-1).to(x.dtype)
        return (x * weights).sum(1) / weights.sum(1)

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, length) ids and mask to log-odds (batch, labels) and vectors (batch, width)."""
        pooled = self.pooled(ids, mask)
        return self.head(fn.dropout(pooled, DROPOUT, self.training)), self.meaning(pooled)


def _dropped(x: Tensor, training: bool) -> Tensor:
    """Dropout that takes the same features from every token of a text: as good here, and much cheaper to draw."""
    if not training:
        return x
    kept = torch.rand(x.shape[0], 1, x.shape[2]) >= DROPOUT
    return x * (kept / (1.0 - DROPOUT)).to(x.dtype)


def _set(module: nn.Linear | nn.LayerNorm, weight: Floats, bias: Floats) -> None:
    module.weight.copy_(torch.from_numpy(weight))
    module.bias.copy_(torch.from_numpy(bias))


def _fill(block: _Block, layer: Layer) -> None:
    _set(block.qkv, layer.qkv, layer.qkv_bias)
    _set(block.out, layer.out, layer.out_bias)
    _set(block.after_attention, *layer.after_attention)
    _set(block.up, layer.up, layer.up_bias)
    _set(block.down, layer.down, layer.down_bias)
    _set(block.after, *layer.after)
