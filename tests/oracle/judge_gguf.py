"""judge_gguf.py - GGUF files: what q8 makes of them is what they were made from

Each model below goes to GGUF by gguf-py (gguf_make.py) and back by q8-convert: the same names, bytes
and logits.  transformers' own reader of GGUF, where it has the architecture, must agree.
"""
import gguf
import torch
from gguf import GGMLQuantizationType as T
from transformers import AutoConfig, AutoModelForCausalLM

import gguf_make
import models
from common import compare_tensors, read_dir, run_q8

CLASSES = ("llama", "llama-tied", "llama-bias", "mistral", "mixtral", "qwen2", "qwen3", "qwen2_moe", "qwen3_moe",
           "phi3", "gemma", "gemma2", "gemma3_text", "starcoder2", "olmo2", "granite", "smollm3",
           "cohere", "stablelm", "gpt_neox", "bloom")
# transformers 5.23 reads these GGUFs itself.  It has no map of others, or reads no key of the size of
# heads (qwen3) or experts (qwen2_moe, qwen3_moe), so that its own loading fails.
ITS_OWN = ("llama", "llama-tied", "mistral", "qwen2", "phi3", "gemma2", "gemma3_text", "starcoder2")
KINDS = {torch.bfloat16: (T.BF16, "bf16"), torch.float16: (T.F16, "f16"), torch.float32: (T.F32, "f32")}
WORDS = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
         "max_position_embeddings", "rms_norm_eps", "norm_epsilon", "vocab_size", "tie_word_embeddings",
         "bos_token_id", "eos_token_id", "pad_token_id", "num_experts", "num_local_experts", "num_experts_per_tok",
         "rope_parameters", "hidden_act", "hidden_activation", "sliding_window", "attention_bias", "mlp_bias",
         "query_pre_attn_scalar", "norm_topk_prob", "layer_types", "attn_logit_softcapping",
         "final_logit_softcapping", "partial_rotary_factor", "moe_intermediate_size", "use_bias")


def convert(q8, target, source, out):
    code, _, err = run_q8(q8, "-q", "--no-sync", "--to", target, source, out)
    return [f"exit {code}: {err.strip()}"] if code else []


def judge_bytes(q8, source, file, out, target):
    """The tensors of the source once more, byte for byte; norms of Gemma as 1 more and 1 less leave them."""
    problems = convert(q8, target, file, out)
    if problems:
        return problems
    config, have, want = AutoConfig.from_pretrained(source), read_dir(out), read_dir(source)
    if config.model_type in gguf_make.LESS_ONE:
        floats, made = gguf_make.read_source(source), gguf_make.read_source(out)
        for name in [n for n in want if n.endswith("norm.weight")]:
            there = ((floats[name].float() + 1) - 1).to(floats[name].dtype)
            if name not in made or not torch.equal(made[name], there):
                problems.append(f"{name} differs")
            want.pop(name), have.pop(name, None)
        if config.tie_word_embeddings:
            want.pop("lm_head.weight", None)
    return problems + compare_tensors(want, have)


def judge_blocks(q8, source, file, out):
    """The floats of Q8_0 as gguf has them, in the model's order."""
    problems = convert(q8, "f32", file, out)
    if problems:
        return problems
    config, made = AutoConfig.from_pretrained(source), gguf_make.read_source(out)
    for name, x in gguf_make.read_source(source).items():
        if x.dim() < 2 or x.shape[-1] % 32 or name not in made or "shared_expert_gate" in name:
            continue
        stored = gguf_make.change(config, name, x)
        floats = gguf.dequantize(gguf.quantize(stored.float().numpy(), T.Q8_0), T.Q8_0)
        floats = torch.from_numpy(floats).reshape(x.shape)
        floats = gguf_make.change(config, name, floats, back=True)
        if not torch.equal(made[name].view(torch.int32), floats.view(torch.int32)):
            problems.append(f"{name} differs from gguf.dequantize")
    return problems


def logits(folder, **words):
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True, dtype=torch.float32,
                                                       **words)
    with torch.no_grad():
        return model.eval()(torch.arange(40).reshape(2, 20)).logits, info, model


def judge_logits(source, out):
    want, _, _ = logits(source)
    have, info, _ = logits(out)
    problems = [f"{kind}: {names}" for kind, names in info.items() if names]
    return problems + ([] if torch.equal(want, have) else
                       [f"logits are {float((want - have).abs().max()):g} away"])


def judge_own(file, out):
    """transformers' reader of GGUF: the same config, where it reads it, and the same tensors."""
    _, _, its = logits(file.parent, gguf_file=file.name)
    _, _, ours = logits(out)
    have = ours.state_dict()
    problems = [f"{name} differs" for name, x in its.state_dict().items()
                if name not in have or not torch.equal(x, have[name])]
    a, b = its.config.to_dict(), ours.config.to_dict()
    read = set(WORDS) - {"attention_bias", "mlp_bias", "moe_intermediate_size", "query_pre_attn_scalar",
                         "sliding_window", "use_bias", "layer_types"}       # it has no key for those
    return problems + [f"{word}: {a[word]} and {b.get(word)}" for word in sorted(read & set(a))
                       if narrow(a[word]) != narrow(b.get(word))]


def narrow(value):
    """transformers gives the double of a float: 9.99999997e-07, which is 1e-06."""
    return float(torch.tensor(value)) if isinstance(value, float) else value


def judge_config(source, out):
    a, b = (AutoConfig.from_pretrained(folder).to_dict() for folder in (source, out))
    return [f"{word}: {a[word]} and {b.get(word)}" for word in WORDS
            if a.get("model_type") == b["model_type"] and word in a and word in b and a[word] != b[word]
            and (a[word] is not None or not word.endswith("_id"))]      # the file has ids of its own


def judge_int8(q8, source, file, folder, target):
    """int8 of the file is int8 of the directory."""
    problems = convert(q8, target, source, folder / "a") + convert(q8, target, file, folder / "b")
    return problems or compare_tensors(read_dir(folder / "a"), read_dir(folder / "b"))


def judge_forms(q8, source, kind, folder, target):
    """Both orders of bytes, both versions, and parts: one output."""
    problems, want = [], None
    for name, words in (("little", {}), ("big", {"big": True}), ("v2", {}), ("split", {"split": 5})):
        file = folder / f"{name}.gguf"
        gguf_make.write(source, file, kind, **words)
        if name == "v2":
            gguf_make.set_version(file, 2)
        if name == "split":
            file = sorted(folder.glob("split-*.gguf"))[-1]
        problems += convert(q8, target, file, folder / name)
        have = read_dir(folder / name)
        want = want or have
        problems += [f"{name}: {p}" for p in compare_tensors(want, have)]
    return problems


def check(checks, q8, work, chosen):
    for row in [r for r in models.MODELS if r[0] in CLASSES and r[0] in chosen]:
        name, folder = row[0], work / row[0]
        folder.mkdir()
        source, (kind, target) = folder / "source", KINDS[row[3]]
        models.make(row, source)
        gguf_make.agree(source)
        file, blocks = folder / f"{target}.gguf", folder / "q8_0.gguf"
        gguf_make.write(source, file, kind)
        gguf_make.write(source, blocks, T.Q8_0)
        checks.attempt(f"gguf {name} comes back", judge_bytes, q8, source, file, folder / "out", target)
        checks.attempt(f"gguf {name} config", judge_config, source, folder / "out")
        checks.attempt(f"gguf {name} logits", judge_logits, source, folder / "out")
        checks.attempt(f"gguf {name} Q8_0", judge_blocks, q8, source, blocks, folder / "floats")
        if name in ITS_OWN:
            checks.attempt(f"gguf {name} transformers", judge_own, file, folder / "out")
        for to in ("ct-w8a8", "bnb-int8"):
            (folder / to).mkdir()
            checks.attempt(f"gguf {name} {to}", judge_int8, q8, source, file, folder / to, to)
        if name == "llama":
            for form in (T.F32, T.F16, T.BF16, T.Q8_0):
                (folder / form.name).mkdir()
                checks.attempt(f"gguf forms {form.name}", judge_forms, q8, source, form, folder / form.name, "f32")
