"""make_undo.py - testdata/tiny-fp8: a Llama of a few KB in FP8 blocks, and what transformers makes of it

    make_undo.py            writes testdata/tiny-fp8

sha256.txt has, for each --to, the SHA-256 of the model.safetensors that safetensors 0.8 writes of what
transformers 5.23 loads with dtype and FineGrainedFP8Config(dequantize=True); it leaves norms and
embeddings in BF16 whatever the dtype, so all goes through Tensor.to.
"""
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

os.environ.update(CUDA_VISIBLE_DEVICES="", HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

import torch
from safetensors.torch import save, save_file
from transformers import AutoModelForCausalLM, FineGrainedFP8Config

HERE = Path(__file__).resolve().parent.parent.parent / "testdata" / "tiny-fp8"
HIDDEN, INNER, VOCAB, BLOCK = 32, 48, 40, 16
DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}
LINEARS = {"self_attn.q_proj": (HIDDEN, HIDDEN), "self_attn.k_proj": (BLOCK, HIDDEN),
           "self_attn.v_proj": (BLOCK, HIDDEN), "self_attn.o_proj": (HIDDEN, HIDDEN),
           "mlp.gate_proj": (INNER, HIDDEN), "mlp.up_proj": (INNER, HIDDEN),
           "mlp.down_proj": (HIDDEN, INNER)}

CONFIG = {
    "architectures": ["LlamaForCausalLM"], "attention_bias": False, "dtype": "bfloat16",
    "hidden_size": HIDDEN, "intermediate_size": INNER, "max_position_embeddings": 64,
    "model_type": "llama", "num_attention_heads": 4, "num_hidden_layers": 1,
    "num_key_value_heads": 2, "quantization_config": {
        "activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
        "weight_block_size": [BLOCK, BLOCK]},
    "rms_norm_eps": 1e-06, "tie_word_embeddings": True, "vocab_size": VOCAB,
}


def make_tensors():
    torch.manual_seed(14)
    tensors = {"model.embed_tokens.weight": torch.randn(VOCAB, HIDDEN).bfloat16(),
               "model.norm.weight": torch.ones(HIDDEN).bfloat16()}
    for name in ("input_layernorm", "post_attention_layernorm"):
        tensors[f"model.layers.0.{name}.weight"] = (1 + torch.randn(HIDDEN) / 8).bfloat16()
    for name, shape in LINEARS.items():
        grid = [n // BLOCK for n in shape]
        tensors[f"model.layers.0.{name}.weight"] = (torch.randn(shape) * 60).to(torch.float8_e4m3fn)
        tensors[f"model.layers.0.{name}.weight_scale_inv"] = torch.rand(grid) * 2e-3 + 1e-5
    return tensors


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    (HERE / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    (HERE / "hf_quant_config.json").write_text('{"quantization": {"quant_algo": "FP8"}}\n')
    save_file(make_tensors(), HERE / "model.safetensors", metadata={"format": "pt"})
    (HERE / "model.safetensors").chmod(0o644)
    lines = []
    for word, dtype in DTYPES.items():
        model = AutoModelForCausalLM.from_pretrained(
            HERE, dtype=dtype, quantization_config=FineGrainedFP8Config(dequantize=True))
        tensors = {k: v.to(dtype).contiguous() for k, v in model.state_dict().items()
                   if k != "lm_head.weight"}
        digest = hashlib.sha256(save(tensors, metadata={"format": "pt"})).hexdigest()
        lines.append(f"{word} {digest}\n")
    (HERE / "sha256.txt").write_text("".join(lines))


if __name__ == "__main__":
    sys.exit(main())
