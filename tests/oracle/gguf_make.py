"""gguf_make.py - writes a GGUF file of a Hugging Face directory with gguf-py, as llama.cpp's script would

gguf's own TensorNameMap has the names; what happens to rows, norms and experts: llama.cpp's
convert_hf_to_gguf.py.
"""
import json
import re
from pathlib import Path

import gguf
import numpy
import torch
from gguf import GGMLQuantizationType as T, GGUFEndian, GGUFWriter
from safetensors.torch import load_file
from transformers import AutoConfig

ARCHS = {"llama": "llama", "mistral": "llama", "mixtral": "llama", "qwen2": "qwen2", "qwen3": "qwen3",
         "qwen2_moe": "qwen2moe", "qwen3_moe": "qwen3moe", "phi3": "phi3", "gemma": "gemma",
         "gemma2": "gemma2", "gemma3_text": "gemma3", "starcoder2": "starcoder2", "olmo2": "olmo2",
         "granite": "granite", "smollm3": "smollm3", "cohere": "command-r", "stablelm": "stablelm",
         "gpt_neox": "gptneox", "bloom": "bloom"}
PERMUTED = ("llama", "mistral", "mixtral", "granite", "smollm3")
LESS_ONE = ("gemma", "gemma2", "gemma3_text")

# key of the file: (attribute of the config, whether it is a float)
KEYS = {"block_count": ("num_hidden_layers", 0), "context_length": ("max_position_embeddings", 0),
        "embedding_length": ("hidden_size", 0), "feed_forward_length": ("intermediate_size", 0),
        "attention.head_count": ("num_attention_heads", 0),
        "attention.head_count_kv": ("num_key_value_heads", 0),
        "attention.layer_norm_rms_epsilon": ("rms_norm_eps", 1),
        "expert_used_count": ("num_experts_per_tok", 0),
        "expert_feed_forward_length": ("moe_intermediate_size", 0),
        "expert_shared_feed_forward_length": ("shared_expert_intermediate_size", 0),
        "attention.key_length": ("head_dim", 0), "attention.value_length": ("head_dim", 0),
        "attn_logit_softcapping": ("attn_logit_softcapping", 1),
        "final_logit_softcapping": ("final_logit_softcapping", 1),
        "attention.sliding_window": ("sliding_window", 0),
        "attention.scale": ("attention_multiplier", 1), "embedding_scale": ("embedding_multiplier", 1),
        "residual_scale": ("residual_multiplier", 1), "logit_scale": ("logits_scaling", 1),
        "rope.scaling.original_context_length": ("original_max_position_embeddings", 0)}
EPSILONS = ("norm_epsilon", "layer_norm_eps", "layer_norm_epsilon")
EXPERT = re.compile(r"(.*)\.experts\.(\d+)\.(\w+)\.weight")


def read_source(folder):
    tensors = {}
    for path in sorted(Path(folder).glob("*.safetensors")):
        tensors.update(load_file(path))
    return tensors


def halves(x, heads):
    """Rows [head][2][half] to [head][half][2]."""
    return x.reshape(heads, 2, x.shape[0] // heads // 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


def turn_back(x, heads):
    return x.reshape(heads, x.shape[0] // heads // 2, 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


def heads_of(config, name):
    """How many heads the rows of a tensor are, where they are moved; else 0."""
    if config.model_type not in PERMUTED:
        return 0
    if ".q_proj." in name:
        return config.num_attention_heads
    return config.num_key_value_heads if ".k_proj." in name else 0


def change(config, name, x, back=False):
    """A tensor as llama.cpp has it, float32 for norms; `back`: rows as the model has them."""
    heads = heads_of(config, name)
    if heads:
        return (turn_back if back else halves)(x, heads)
    if "query_key_value" in name:               # [head][3][size] to [3][head][size]
        a, b = (3, config.num_attention_heads) if back else (config.num_attention_heads, 3)
        return x.reshape(a, b, x.shape[0] // (a * b), *x.shape[1:]).swapaxes(0, 1).reshape(x.shape)
    if back:
        return x
    if config.model_type in LESS_ONE and name.endswith("norm.weight"):
        return x.float() + 1
    return x


def store(x, kind):
    """(bytes or numbers, raw_dtype) of a torch tensor."""
    if x.dim() <= 1:
        return x.float().numpy(), None
    if kind == T.F32 or (kind == T.Q8_0 and x.shape[-1] % 32):
        return x.float().numpy(), None
    return gguf.quantize(x.float().numpy(), kind), kind


def experts_together(tensors):
    """{name: tensor} with experts stacked under the name of GGUF's map, in their order."""
    stacks, rest = {}, {}
    for name, x in tensors.items():
        found = EXPERT.fullmatch(name)
        if found:
            stacks.setdefault(f"{found[1]}.experts.{found[3]}.weight", {})[int(found[2])] = x
        else:
            rest[name] = x
    rest.update({name: torch.stack([parts[i] for i in range(len(parts))]) for name, parts in stacks.items()})
    return rest


def gguf_name(names, name):
    stem, end = name.rsplit(".", 1)
    found = names.get_name(stem) or names.get_name(stem.removeprefix("transformer."))
    if not found:                               # Mixtral's experts have another name in the map
        found = names.get_name(re.sub(r"model\.(layers\.\d+)\.block_sparse_moe", r"\1.feed_forward", stem))
    if not found:
        raise ValueError(f"gguf has no name for {name}")
    return f"{found}.{end}"


def put_keys(w, config):
    arch = ARCHS[config.model_type]
    for key, (attribute, is_float) in KEYS.items():
        value = getattr(config, attribute, None)
        if value is not None:
            (w.add_float32 if is_float else w.add_uint32)(f"{arch}.{key}", value)
    for attribute in EPSILONS:
        if hasattr(config, attribute):
            w.add_float32(f"{arch}.attention.layer_norm_epsilon", getattr(config, attribute))
    if arch == "command-r":
        w.add_float32(f"{arch}.logit_scale", config.logit_scale)
    if hasattr(config, "use_parallel_residual"):
        w.add_bool(f"{arch}.use_parallel_residual", config.use_parallel_residual)
    experts = getattr(config, "num_local_experts", None) or getattr(config, "num_experts", None)
    if experts:
        w.add_uint32(f"{arch}.expert_count", experts)
    rope = getattr(config, "rope_parameters", None) or {}
    rope = rope.get("full_attention", rope)
    if rope:
        w.add_float32(f"{arch}.rope.freq_base", rope["rope_theta"])
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        w.add_uint32(f"{arch}.rope.dimension_count", int(head * rope.get("partial_rotary_factor", 1)))
    w.add_uint32("tokenizer.ggml.bos_token_id", 1)
    w.add_uint32("tokenizer.ggml.eos_token_id", 2)
    w.add_uint32("tokenizer.ggml.padding_token_id", 0)
    w.add_array("tokenizer.ggml.tokens", [f"t{i}" for i in range(config.vocab_size)])


def write(source, path, kind, big=False, split=0):
    """Makes PATH (with `split` tensors a file: its parts) of a directory of transformers."""
    config = AutoConfig.from_pretrained(source)
    names = gguf.get_tensor_name_map(
        next(a for a, n in gguf.MODEL_ARCH_NAMES.items() if n == ARCHS[config.model_type]),
        config.num_hidden_layers)
    w = GGUFWriter(path, ARCHS[config.model_type], split_max_tensors=split,
                   endianess=GGUFEndian.BIG if big else GGUFEndian.LITTLE)
    put_keys(w, config)
    for name, x in experts_together(read_source(source)).items():
        if config.model_type in LESS_ONE and name == "lm_head.weight":
            continue
        data, raw = store(change(config, name, x), kind)
        if name.endswith("shared_expert_gate.weight"):
            data, raw = x.float().numpy().reshape(-1), None
        w.add_tensor(gguf_name(names, name), turn_bytes(data, raw) if big and raw is not None else data,
                     raw_dtype=raw)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def turn_bytes(stored, kind):
    """Blocks as a big-endian machine has them (gguf, scripts/gguf_convert_endian.py)."""
    size = gguf.GGML_QUANT_SIZES[kind][1]
    if stored.dtype != numpy.uint8:             # numbers are turned by the writer
        return stored
    block = stored.reshape(-1, size).copy()
    block[:, :2] = block[:, 1::-1] if size == 2 else block[:, [1, 0]]
    return block.reshape(stored.shape)


def set_version(path, number):
    data = bytearray(Path(path).read_bytes())
    data[4:8] = number.to_bytes(4, "little")
    Path(path).write_bytes(data)


def agree(source):
    """Changes what GGUF has no key for to what llama.cpp takes for granted."""
    path = Path(source) / "config.json"
    config = json.loads(path.read_text())
    if "query_pre_attn_scalar" in config:
        config["query_pre_attn_scalar"] = config["head_dim"]
    if config["model_type"] == "qwen3_moe":
        config["norm_topk_prob"] = True
    if config["model_type"] == "mistral":
        config["sliding_window"] = None
    path.write_text(json.dumps(config))
