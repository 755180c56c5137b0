#!/usr/bin/env python3
"""make_many.py DIR - a mixture of experts of 47,461 tiny tensors in one shard, without data

    python3 tests/bench/make_many.py /tmp/many
    /usr/bin/time -f '%M KB' build/src/q8-convert -q -j2 --no-sync --to=ct-w8a16 /tmp/many /tmp/many-int8
"""
import json
import struct
import sys
from pathlib import Path

LAYERS, EXPERTS = 122, 128

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
header, end = {}, 0


def add(name, *shape):
    global end
    size = 2
    for dim in shape:
        size *= dim
    header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
    end += size


add("model.embed_tokens.weight", 100, 32)
add("lm_head.weight", 100, 32)
add("model.norm.weight", 32)
for layer in range(LAYERS):
    at = f"model.layers.{layer}."
    for leaf in "qkvo":
        add(f"{at}self_attn.{leaf}_proj.weight", 32, 32)
    add(f"{at}mlp.gate.weight", EXPERTS, 32)
    for expert in range(EXPERTS):
        for leaf, rows, cols in (("gate", 16, 32), ("up", 16, 32), ("down", 32, 16)):
            add(f"{at}mlp.experts.{expert}.{leaf}_proj.weight", rows, cols)
text = json.dumps(header).encode()
with open(folder / "model.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    file.truncate(8 + len(text) + end)
(folder / "config.json").write_text(json.dumps({"architectures": ["Qwen3MoeForCausalLM"],
                                                "model_type": "qwen3_moe"}))
