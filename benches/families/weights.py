"""Random tensors written to safetensors files piece by piece, so that memory stays small."""

import json
import math
import struct

import numpy as np

# Values drawn once; a tensor is made of pieces of them, each begun elsewhere.
DRAWN = 2**22


class Source:
    """The bytes of N(0, deviation) values, or of ones."""

    def __init__(self, dtype, seed):
        self.dtype, self.rng, self.blocks = dtype, np.random.default_rng(seed), {}
        self.drawn = self.rng.standard_normal(DRAWN, dtype=np.float32)

    def stored(self, values):
        if self.dtype == "f32":
            return values
        bits = values.view(np.uint32)
        # To the nearest, of two equally near ones the even.
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)

    def pieces(self, count, deviation):
        if deviation is None:
            yield self.stored(np.ones(count, np.float32)).tobytes()
            return
        if deviation not in self.blocks:
            self.blocks[deviation] = self.stored(self.drawn * np.float32(deviation))
        block = self.blocks[deviation]
        while count:
            start = int(self.rng.integers(0, DRAWN // 2))
            piece = block[start : start + count]
            yield piece.tobytes()
            count -= len(piece)


def shards(tensors, width, most):
    """Names in order, shared out so that no file exceeds `most` bytes (0: one file)."""
    files, size = [[]], 0
    for name, (shape, _) in tensors.items():
        bytes_ = width * math.prod(shape)
        if most and files[-1] and size + bytes_ > most:
            files.append([])
            size = 0
        files[-1].append(name)
        size += bytes_
    return files


def write(folder, tensors, dtype, seed, most):
    """Writes model.safetensors, or several files and their index; the number of files and of bytes."""
    width, source = {"bf16": 2, "f32": 4}[dtype], Source(dtype, seed)
    files, where, total = shards(tensors, width, most), {}, 0
    for number, names in enumerate(files, 1):
        file = "model.safetensors" if len(files) == 1 else f"model-{number:05d}-of-{len(files):05d}.safetensors"
        header, at = {"__metadata__": {"format": "pt"}}, 0
        for name in names:
            shape = tensors[name][0]
            end = at + width * math.prod(shape)
            header[name] = {"dtype": dtype.upper(), "shape": shape, "data_offsets": [at, end]}
            at, where[name] = end, file
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(folder / file, "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text)
            for name in names:
                shape, deviation = tensors[name]
                f.writelines(source.pieces(math.prod(shape), deviation))
        total += at
    if len(files) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": where}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1))
    return len(files), total
