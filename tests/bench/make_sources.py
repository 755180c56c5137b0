#!/usr/bin/env python3
"""make_sources.py MODEL OUT KIND - a bf16 model of one file once more, with its layers in a scheme of sources_make.py

KIND "bin": the same floats in pytorch_model.bin; "gguf-bf16", "gguf-q8_0": in model.gguf.
"""
import json
import os
import sys
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

import gguf
import torch
from safetensors.torch import load_file, save_file

import gguf_make
from sources_make import SCHEMES

model, out, kind = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
config = json.loads((model / "config.json").read_text())
out.mkdir(parents=True, exist_ok=True)
if kind.startswith("gguf-"):
    words = {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}, **config}
    (out / "config.json").write_text(json.dumps(words))
    (out / "model.safetensors").symlink_to(model / "model.safetensors")
    gguf_make.write(out, out / "model.gguf", gguf.GGMLQuantizationType[kind[5:].upper()])
    (out / "model.safetensors").unlink()
    (out / "config.json").unlink()
elif kind == "bin":
    torch.save(load_file(model / "model.safetensors"), out / "pytorch_model.bin")
else:
    how, tensors = SCHEMES[kind], load_file(model / "model.safetensors")
    for name in [n for n in tensors if n.endswith("_proj.weight")]:
        parts = how.parts(tensors.pop(name))
        tensors.update({name.removesuffix(".weight") + suffix: part for suffix, part in parts.items()})
    config["quantization_config"] = how.config(["lm_head"])
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
if not kind.startswith("gguf-"):
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
