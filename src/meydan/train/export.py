"""
A trained network becomes a model directory: the graph in eight bits, its tokenizer, its manifest.

The vocabulary is cut to the pieces that the training texts use, by hand-written need
of each language rather than by a number alone: a language of which little was read keeps every
piece that it used twice. Word vectors become int8 with a scale a row, matrices int8
with a scale a column; what enters a matrix is rounded as it comes.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer

from meydan.judge.classifier import digest_of
from meydan.judge.reading import as_written
from meydan.train.base import SPECIAL, Base, tokenizer_of
from meydan.train.net import EPSILON, Net

LONGEST: Final = 96
"""Tokens that the graph reads at most."""

MOST_PIECES: Final = 40_000
_OPSET: Final = 17
_FUSED: Final = "com.microsoft"


def pieces_to_keep(
    texts: Mapping[str, Iterable[str]], tokenizer: Tokenizer, *, most: int = MOST_PIECES
) -> list[int]:
    """
    The pieces that the texts use, as ids in rising order, the special ones first.

    Every language's share of use counts alike, so that a language of few texts is
    not crowded out by one of many; single letters and signs that were met stay in any case.

    Args:
        texts: by language.
        tokenizer: of all pieces.
    """
    share: Counter[int] = Counter()
    letters: set[int] = set()
    for language in texts:
        used: Counter[int] = Counter()
        for encoding in tokenizer.encode_batch([as_written(text) for text in texts[language]]):
            used.update(encoding.ids)
        total = sum(used.values()) or 1
        for piece, number in used.items():
            if number >= 2:
                share[piece] += number / total  # type: ignore[assignment]
            if len((tokenizer.id_to_token(piece) or "").strip("▁")) <= 1:
                letters.add(piece)
    ranked = [piece for piece, _ in share.most_common()]
    # What was not met is kept by how common it is elsewhere, in the letters of our languages: it has its
    # meaning from the base, and a name or a word of tomorrow is then not spelled out in single letters.
    vocabulary = tokenizer.get_vocab()
    unmet = [
        piece for word, piece in vocabulary.items() if piece not in share and _OUR_LETTERS.fullmatch(word)
    ]
    ranked += sorted(unmet)
    special = set(range(len(SPECIAL)))
    kept = special | letters
    for piece in ranked:
        if len(kept) >= most:
            break
        kept.add(piece)
    return sorted(kept)


def cut_tokenizer(base: Base, keep: Sequence[int]) -> Tokenizer:
    """The tokenizer of the pieces that are kept, numbered anew in their order."""
    return tokenizer_of([base.pieces[i] for i in keep], [float(base.scores[i]) for i in keep])


_OUR_LETTERS = re.compile(
    "▁?[a-zçğıöşüêîû']+|▁?[\u0621-\u063a\u0641-\u064a\u067e\u0686\u0695\u0698\u06a4\u06a9\u06af\u06b5\u06be\u06c6\u06cc\u06ce\u06d5]+"
)


class _Graph:
    """Nodes and constants as they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def add(self, kind: str, inputs: Sequence[str], output: str, *, domain: str = "", **more: Any) -> str:
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, domain=domain, **more))
        return output


def graph_of(net: Net, keep: Sequence[int]) -> onnx.ModelProto:
    """
    The network as a graph: `ids`, int64 (batch, length), to `odds` and `meaning`, float32.

    `odds` (batch, labels) are log-odds; `meaning` (batch, width) is the sentence vector, of length 1.
    Every token counts: comments are read one by one, so nothing is filled up and nothing masked.
    """
    g = _Graph()

    def array(tensor: torch.Tensor) -> NDArray[np.float32]:
        return tensor.detach().float().numpy()

    def linear(x: str, module: torch.nn.Linear, name: str) -> str:
        product = g.add("MatMul", [x, g.constant(f"{name}.w", array(module.weight).T)], f"{name}.product")
        return g.add("Add", [product, g.constant(f"{name}.b", array(module.bias))], name)

    def norm(x: str, module: torch.nn.LayerNorm, name: str) -> str:
        parts = [
            g.constant(f"{name}.w", array(module.weight)),
            g.constant(f"{name}.b", array(module.bias)),
        ]
        return g.add("LayerNormalization", [x, *parts], name, axis=-1, epsilon=EPSILON)

    words = array(net.words.weight)[list(keep)]
    scale = np.maximum(np.abs(words).max(axis=1, keepdims=True), 1e-9) / 127
    rounded = np.rint(words / scale).astype(np.int8)
    row = g.add("Gather", [g.constant("words", rounded), "ids"], "words.row")
    row = g.add("Cast", [row], "words.float", to=TensorProto.FLOAT)
    by = g.add("Gather", [g.constant("words.scale", scale.astype(np.float32)), "ids"], "words.by")
    x = g.add("Mul", [row, by], "words.read")
    shape = g.add("Shape", ["ids"], "shape")
    one, two, zero = (g.constant(f"n{i}", np.array([i], np.int64)) for i in (1, 2, 0))
    length = g.add("Slice", [shape, one, two], "length")
    places = g.constant("places", array(net.places.weight)[:LONGEST])
    place = g.add("Slice", [places, zero, length, zero], "places.read")
    x = norm(g.add("Add", [x, place], "read"), net.norm, "norm")

    first = net.blocks[0]
    heads = int(first.heads)  # type: ignore[arg-type]
    width = words.shape[1]
    split = g.constant("split", np.array([0, 0, 3, heads, width // heads], np.int64))
    merge = g.constant("merge", np.array([0, 0, width], np.int64))
    shrink = g.constant("shrink", np.array((width // heads) ** -0.5, np.float32))
    for i, block in enumerate(net.blocks):
        n = f"l{i}"
        qkv = linear(x, block.qkv, f"{n}.qkv")  # type: ignore[arg-type]
        qkv = g.add("Reshape", [qkv, split], f"{n}.split")
        qkv = g.add("Transpose", [qkv], f"{n}.turned", perm=[2, 0, 3, 1, 4])
        query, key, value = (
            g.add("Gather", [qkv, g.constant(f"{n}.{k}.n", np.array(k, np.int64))], f"{n}.part{k}", axis=0)
            for k in range(3)
        )
        query = g.add("Mul", [query, shrink], f"{n}.query")
        key = g.add("Transpose", [key], f"{n}.key", perm=[0, 1, 3, 2])
        seen = g.add("MatMul", [query, key], f"{n}.alike")
        seen = g.add("Softmax", [seen], f"{n}.share", axis=-1)
        seen = g.add("MatMul", [seen, value], f"{n}.seen")
        seen = g.add("Transpose", [seen], f"{n}.back", perm=[0, 2, 1, 3])
        seen = g.add("Reshape", [seen, merge], f"{n}.merged")
        seen = linear(seen, block.out, f"{n}.out")  # type: ignore[arg-type]
        x = norm(g.add("Add", [x, seen], f"{n}.sum1"), block.after_attention, f"{n}.norm1")  # type: ignore[arg-type]
        up = linear(x, block.up, f"{n}.up")  # type: ignore[arg-type]
        up = g.add("Gelu", [up], f"{n}.gelu", domain=_FUSED)
        down = linear(up, block.down, f"{n}.down")  # type: ignore[arg-type]
        x = norm(g.add("Add", [x, down], f"{n}.sum2"), block.after, f"{n}.norm2")  # type: ignore[arg-type]

    pooled = g.add("ReduceMean", [x], "pooled", axes=[1], keepdims=0)
    g.add(
        "Gemm",
        [
            pooled,
            g.constant("head.w", array(net.head.weight)),
            g.constant("head.b", array(net.head.bias)),
        ],
        "odds",
        transB=1,
    )
    meant = g.add(
        "Gemm",
        [
            pooled,
            g.constant("meaning.w", array(net.meaning.weight)),
            g.constant("meaning.b", array(net.meaning.bias)),
        ],
        "meant",
        transB=1,
    )
    g.add("LpNormalization", [meant], "meaning", axis=-1, p=2)

    def takes(name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])

    def gives(name: str, size: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])

    graph = helper.make_graph(
        g.nodes,
        "encoder",
        [takes("ids")],
        [gives("odds", net.head.out_features), gives("meaning", width)],
        g.constants,
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="meydan")


def write_graph(net: Net, keep: Sequence[int], path: Path) -> None:
    """Write the graph with eight-bit matrices to `path`."""
    whole = path.with_suffix(".whole.onnx")
    onnx.save(graph_of(net.eval(), keep), whole)
    # The matrices of attention multiply what is computed, not weights, and stay as they are.
    weights = [
        node.name
        for node in onnx.load(whole).graph.node
        if node.op_type == "MatMul" and node.input[1].endswith(".w")
    ]
    quantize_dynamic(
        whole,
        path,
        weight_type=QuantType.QInt8,
        per_channel=True,
        nodes_to_quantize=weights,
        extra_options={"DefaultTensorType": TensorProto.FLOAT},
    )
    whole.unlink()


def write_manifest(directory: Path, about: Mapping[str, Any]) -> None:
    """`manifest.json`: what `about` says, and the files beside it with their digests."""
    files = {
        path.name: {
            "digest": digest_of(path.read_bytes()),
            "size_bytes": path.stat().st_size,
        }
        for path in sorted(directory.iterdir())
        if path.name in ("encoder.onnx", "tokenizer.json")
    }
    text = json.dumps({**about, "files": files}, indent=1, ensure_ascii=False) + "\n"
    (directory / "manifest.json").write_text(text, encoding="utf-8")
