#!/usr/bin/env python3
"""make_llama.py DIR - a Llama of 1.1e9 random bf16 parameters (2.2 GB), in transformers' own layout"""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

HIDDEN, INNER, LAYERS, HEADS, KV, VOCAB = 2048, 5632, 22, 32, 4, 32000

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
torch.manual_seed(1)


def matrix(rows, cols):
    return (torch.randn(rows, cols) * 0.02).to(torch.bfloat16)


tensors = {"model.embed_tokens.weight": matrix(VOCAB, HIDDEN), "lm_head.weight": matrix(VOCAB, HIDDEN),
           "model.norm.weight": torch.ones(HIDDEN, dtype=torch.bfloat16)}
for layer in range(LAYERS):
    at = f"model.layers.{layer}."
    for norm in ("input_layernorm", "post_attention_layernorm"):
        tensors[f"{at}{norm}.weight"] = torch.ones(HIDDEN, dtype=torch.bfloat16)
    for name, rows in (("q", HIDDEN), ("k", HIDDEN * KV // HEADS), ("v", HIDDEN * KV // HEADS), ("o", HIDDEN)):
        tensors[f"{at}self_attn.{name}_proj.weight"] = matrix(rows, HIDDEN)
    for name in ("gate", "up"):
        tensors[f"{at}mlp.{name}_proj.weight"] = matrix(INNER, HIDDEN)
    tensors[f"{at}mlp.down_proj.weight"] = matrix(HIDDEN, INNER)
save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
(folder / "config.json").write_text(json.dumps({
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16",
    "hidden_size": HIDDEN, "intermediate_size": INNER, "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS, "num_key_value_heads": KV, "vocab_size": VOCAB,
    "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "hidden_act": "silu",
    "tie_word_embeddings": False}, indent=2) + "\n")
