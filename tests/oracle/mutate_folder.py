"""mutate_folder.py - a copy of a converted directory whose bytes can be edited, with no q8 in it"""
import json
import shutil
import struct

import numpy as np
import torch

import reference
from common import INDEX, WEIGHTS, Tensor, read_dir, read_file

MANIFEST = "q8-manifest.json"
BITS = {2: torch.int16, 4: torch.int32}


def metadata_of(path):
    raw = path.read_bytes()
    (size,) = struct.unpack_from("<Q", raw)
    return json.loads(raw[8:8 + size]).get("__metadata__")


def write_file(path, tensors, metadata):
    """A .safetensors file with the tensors in the order given."""
    header, at = {"__metadata__": metadata} if metadata else {}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape),
                        "data_offsets": [at, at + len(tensor.data)]}
        at += len(tensor.data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text
                     + b"".join(t.data for t in tensors.values()))


class Copy:
    """The copy; what is edited in it is written by `save`, and the manifest goes."""

    def __init__(self, source, base, folder, target, transposed):
        shutil.copytree(base, folder)
        self.folder, self.target = folder, target
        self.files = {p.name: read_file(p) for p in sorted(folder.glob("*" + WEIGHTS))}
        self.metadata = {n: metadata_of(folder / n) for n in self.files}
        self.config = json.loads((folder / "config.json").read_text())
        index = folder / INDEX
        self.index = json.loads(index.read_text()) if index.exists() else None
        self.source = read_dir(source)
        self.transposed = transposed        # the source's int8 weights are [in, out]: Conv1D
        self.keep_manifest = False          # the fault is about it, and planted in the folder
        self.keep_index = False             # the index is what it was, whatever the tensors are

    @property
    def quantization(self):
        return self.config["quantization_config"]

    def shard_of(self, name):
        """The tensors of the file that holds one."""
        return next(tensors for tensors in self.files.values() if name in tensors)

    def get(self, name):
        return self.shard_of(name)[name]

    def put(self, name, tensor):
        self.shard_of(name)[name] = tensor

    def modules(self):
        """The int8 modules."""
        suffix = ".SCB" if self.target == "bnb-int8" else ".weight_scale"
        return sorted(n.removesuffix(suffix) for t in self.files.values() for n in t
                      if n.endswith(suffix))

    def carried(self):
        """The names of the float tensors that came along, matrices and others."""
        return sorted(n for tensors in self.files.values() for n, t in tensors.items()
                      if t.dtype in ("F32", "F16", "BF16") and n in self.source
                      and t.dtype == self.source[n].dtype)

    def save(self):
        if self.keep_manifest:
            return
        for name, tensors in self.files.items():
            write_file(self.folder / name, tensors, self.metadata[name])
        (self.folder / "config.json").write_text(json.dumps(self.config, indent=2) + "\n")
        if self.index and not self.keep_index:
            self.index["weight_map"] = {n: f for f, t in self.files.items() for n in t}
            self.index["metadata"]["total_size"] = sum(
                len(x.data) for t in self.files.values() for x in t.values())
        if self.index:
            text = json.dumps(self.index, indent=2, sort_keys=True)
            (self.folder / INDEX).write_text(text + "\n")
        (self.folder / MANIFEST).unlink()


class Layer:
    """One int8 weight of a copy: `codes` int8 [rows, cols], `scales` torch [rows, groups]."""

    def __init__(self, copy, module):
        self.copy, self.module = copy, module
        self.bnb = copy.target == "bnb-int8"
        self.group = int(copy.target.partition("-g")[2] or 0)
        self.packed = f"{module}.weight_packed" in copy.shard_of(self.scale_name)
        self.scales = reference.to_torch(copy.get(self.scale_name))
        self.scales = self.scales.reshape(len(self.scales), -1).clone()
        weight = reference.to_torch(copy.source[f"{module}.weight"])
        self.weight = weight.T.contiguous() if copy.transposed else weight
        self.rows, self.cols = self.weight.shape
        self.codes = self.read_codes()

    @property
    def scale_name(self):
        return self.module + (".SCB" if self.copy.target == "bnb-int8" else ".weight_scale")

    @property
    def code_name(self):
        return self.module + (".weight_packed" if self.packed else ".weight")

    def read_codes(self):
        raw = np.frombuffer(self.copy.get(self.code_name).data, np.uint8).reshape(self.rows, -1)
        raw = raw[:, :self.cols] ^ 0x80 if self.packed else raw
        return raw.copy().view(np.int8)

    def store(self):
        """Puts codes and scales back into the copy."""
        old = self.copy.get(self.code_name)
        data = reference.pack(self.codes) if self.packed else self.codes
        self.copy.put(self.code_name, Tensor(old.dtype, old.shape, data.tobytes()))
        old, data = self.copy.get(self.scale_name), reference.to_bytes(self.scales)
        self.copy.put(self.scale_name, Tensor(old.dtype, old.shape, data))

    def bits(self):
        """The scales as integers, flat, in place: one more is the next number up."""
        return self.scales.view(BITS[self.scales.element_size()]).view(-1)

    def full(self):
        """The rows that hold something."""
        return np.flatnonzero((self.codes != 0).any(axis=1))

    def exact(self):
        """w / step of every weight, not rounded; 0 in rows of zeros."""
        weight = (self.weight.half() if self.bnb else self.weight).double().numpy()
        step = self.scales.double().numpy() / (127 if self.bnb else 1)
        step = np.repeat(step, self.cols // step.shape[1], axis=1)
        return np.divide(weight, step, out=np.zeros_like(weight), where=step != 0)

    def quantized(self, weight):
        """(codes, scales) that the format's own rule makes of another weight of this shape."""
        if not self.bnb:
            scales = reference.scales(weight, self.group)
            return reference.codes(weight, scales, self.group), scales.reshape(self.scales.shape)
        weight = weight.half().float()
        absmax = weight.abs().amax(1, keepdim=True)
        codes = torch.where(absmax > 0, torch.round(weight * ((1 / absmax) * 127)), 0)
        return codes.to(torch.int8).numpy(), absmax
