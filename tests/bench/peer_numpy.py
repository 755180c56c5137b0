#!/usr/bin/env python3
"""peer_numpy.py FILE - absmax, RMS, histogram by exponent and bnb-int8 SQNR of a bf16 file by numpy"""
import json
import struct
import sys
import time

import numpy as np

begin, elements = time.monotonic(), 0
with open(sys.argv[1], "rb") as file:
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    start = file.tell()
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        file.seek(start + entry["data_offsets"][0])
        bits = np.fromfile(file, np.uint16, int(np.prod(entry["shape"])))
        x = (bits.astype(np.uint32) << 16).view(np.float32).reshape(entry["shape"])
        absmax, rms = np.abs(x).max(), np.sqrt(np.square(x, dtype=np.float64).mean())
        histogram = np.bincount(bits >> 7 & 0xff, minlength=256)
        if x.ndim == 2:
            row = np.abs(x).max(axis=1, keepdims=True)
            scale = np.divide(127, row, out=np.zeros_like(row), where=row > 0)
            error = x - np.rint(x * scale) * row / 127
            sqnr = 10 * np.log10(np.square(x, dtype=np.float64).sum()
                                 / np.square(error, dtype=np.float64).sum())
        elements += x.size
print(f"numpy, without imports: {time.monotonic() - begin:.2f} s for {elements / 1e9:.2f}e9 parameters")
