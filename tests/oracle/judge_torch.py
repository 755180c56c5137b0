"""judge_torch.py - checkpoints of PyTorch: q8 reads of each what torch.load reads, or refuses it

Random state dicts in both formats, whole models that load again with their weights tied, and files
that torch's weights_only refuses: q8 agrees, or is stricter.
"""
import io
import json
import random
import struct
import time

import torch
import transformers

import torch_files
from common import run_q8

NAMES = {dtype: name for name, dtype in torch_files.DTYPES.items()}
# dtypes whose storages torch 2.15 writes in the old format and does not read there
NEW = {"U16", "U32", "U64", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}
DICTS, MUTANTS = 60, 400
SECONDS = 1                                        # for a refusal; the machine may be busy
REFUSALS = {3, 4, 6}
# what torch says of a pickle whose tensors are whole: of what q8 does not use
HARMLESS = ("don't know how to restore data location", "unhashable type")
SMALL = dict(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
             num_attention_heads=2)
TIED = {
    "LlamaForCausalLM": ("LlamaConfig", dict(SMALL, tie_word_embeddings=True)),
    "GPT2LMHeadModel": ("GPT2Config", dict(vocab_size=64, n_embd=32, n_layer=1, n_head=2, n_positions=8)),
    "BertForMaskedLM": ("BertConfig", SMALL),
    "RobertaForMaskedLM": ("RobertaConfig", SMALL),
    "AlbertForMaskedLM": ("AlbertConfig", dict(SMALL, embedding_size=16)),
    "T5ForConditionalGeneration": ("T5Config", dict(vocab_size=64, d_model=32, d_ff=64, d_kv=16,
                                                    num_layers=1, num_heads=2)),
    "BartForConditionalGeneration": ("BartConfig", dict(
        vocab_size=64, d_model=32, encoder_ffn_dim=64, decoder_ffn_dim=64, encoder_layers=1,
        decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2)),
    "OPTForCausalLM": ("OPTConfig", dict(vocab_size=64, hidden_size=32, ffn_dim=64, num_hidden_layers=1,
                                         num_attention_heads=2, word_embed_proj_dim=32)),
}


def raw(t):
    """The bytes of a tensor, packed."""
    return bytes(t.detach().contiguous().reshape(-1).view(torch.uint8).tolist()) if t.numel() else b""


def read_safetensors(path):
    """({name: (dtype, shape, bytes)}, metadata)"""
    data = path.read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:start])
    meta = header.pop("__metadata__", {})
    return {k: (v["dtype"], v["shape"], data[start + v["data_offsets"][0]:start + v["data_offsets"][1]])
            for k, v in header.items()}, meta


def contained(q8, file, out):
    """What q8 makes of a file: (exit code, message, tensors with the dropped ones under both names)"""
    code, _, said = run_q8(q8, "-q", "--to=safetensors", file, out)
    if code:
        return code, said, {}
    found, meta = read_safetensors(next(out.glob("*.safetensors")))
    found.update({name: found[kept] for name, kept in meta.items() if kept in found})
    return code, said, found


def compare(found, state):
    want = {k: (NAMES[v.dtype], list(v.shape), raw(v)) for k, v in state.items()}
    return [f"{k}: {found.get(k, ['missing'])[:2]}, torch has {want.get(k, ['none'])[:2]}"
            for k in sorted(set(found) | set(want)) if found.get(k) != want.get(k)]


# ---- random state dicts ----


def random_view(rng, t):
    """A view of a tensor, or of a view of it."""
    for _ in range(rng.randrange(4)):
        way = rng.randrange(6)
        if way == 0 and t.dim() > 1:
            t = t.permute(*rng.sample(range(t.dim()), t.dim()))
        elif way == 1 and t.dim() and t.shape[0] > 1:
            t = t[rng.randrange(t.shape[0]):]
        elif way == 2 and t.dim() and t.shape[-1] > 2:
            t = t[..., ::2]
        elif way == 3 and t.dim() < 6:
            t = t.unsqueeze(rng.randrange(t.dim() + 1))
        elif way == 4 and t.dim() and t.numel():
            t = t[:1].expand(3, *t.shape[1:])
        elif way == 5 and t.dim() and t.shape[0] > 1:
            t = t[1]
    return t


def random_state(rng, skip):
    state, bases = {}, []
    for i in range(rng.randrange(1, 12)):
        dtype = torch_files.DTYPES[rng.choice([n for n in torch_files.DTYPES if n not in skip])]
        if not bases or rng.randrange(3):
            shape = [rng.randrange(1, 9) for _ in range(rng.randrange(5))]
            size = torch.empty(0, dtype=dtype).element_size()
            count = torch.Size(shape).numel()
            data = torch.randint(0, 256 if dtype != torch.bool else 2, (count * size,), dtype=torch.uint8)
            bases.append(data.view(dtype).view(shape))
        t = random_view(rng, rng.choice(bases))
        if t.is_floating_point() and rng.randrange(4) == 0:
            t = torch.nn.Parameter(t, requires_grad=False)
        state[f"layer.{i}.weight"] = t
    return state


def check_dict(q8, seed, work):
    rng = random.Random(seed)
    torch.manual_seed(seed)
    is_old = seed % 2
    state = random_state(rng, NEW if is_old else ())
    value = [state, {"state_dict": state, "epoch": 1}, {"model": {"module": state}}][seed % 3]
    data = torch_files.saved(value, _use_new_zipfile_serialization=not is_old,
                             pickle_protocol=2 + seed % 4)
    file = work / f"{seed}{rng.choice(['.bin', '.pt', '.pth'])}"
    file.write_bytes(data)
    loaded = torch.load(io.BytesIO(data), weights_only=False)
    for key in ("state_dict", "model", "module"):
        loaded = loaded.get(key, loaded)
    code, said, found = contained(q8, file, work / f"{seed}-out")
    return [said] if code else compare(found, loaded)


# ---- models ----


def check_tied(q8, name, legacy, work):
    config_name, words = TIED[name]
    config = getattr(transformers, config_name)(**words)
    config.architectures = [name]
    torch.manual_seed(1)
    model = getattr(transformers, name)(config).eval()
    work.mkdir()
    source, out = work / "source", work / "out"
    config.save_pretrained(source)
    torch.save(model.state_dict(), source / "pytorch_model.bin",
               _use_new_zipfile_serialization=not legacy)
    code, _, said = run_q8(q8, "-q", "--to=safetensors", source, out)
    if code:
        return [said]
    again, info = type(model).from_pretrained(out, output_loading_info=True)
    problems = [f"{kind}: {sorted(info[kind])}" for kind in ("missing_keys", "unexpected_keys") if info[kind]]
    state = again.state_dict()
    problems += [k for k, v in model.state_dict().items() if raw(v) != raw(state[k])]
    head = again.get_output_embeddings().weight
    if head.data_ptr() != again.get_input_embeddings().weight.data_ptr():
        problems.append("the head is not tied")
    found, _ = read_safetensors(out / "model.safetensors")
    values = [v for v in found.values() if v[1] == list(head.shape)]
    return problems + (["the embedding is there twice"] if values.count(values[0]) > 1 else [])


# ---- what is to be refused ----


def torch_loads(data):
    """(state, None), or (None, why not)"""
    try:
        return torch.load(io.BytesIO(data), weights_only=True), None
    except Exception as error:
        return None, str(error)


def check_bad(q8, name, data, work):
    file = work / f"{name}.bin"
    file.write_bytes(data)
    start = time.monotonic()
    code, said, _ = contained(q8, file, work / f"{name}-out")
    problems = [] if code in REFUSALS else [f"exit {code}: {said}"]
    if time.monotonic() - start > SECONDS:
        problems.append(f"took {time.monotonic() - start:.1f} s")
    return problems + ([f"{said.count(chr(10))} lines"] if said.count("\n") > 1 else [])


def mutate(rng, pickle):
    data = bytearray(pickle)
    for _ in range(rng.randrange(1, 3)):
        at = rng.randrange(2, len(data))
        way = rng.randrange(4)
        if way == 0:
            data[at] = rng.randrange(256)
        elif way == 1:
            data[at] ^= 1 << rng.randrange(8)
        elif way == 2:
            del data[at]
        else:
            end = min(len(data), at + rng.randrange(1, 9))
            data[at:at] = data[at:end]
    return bytes(data)


def check_mutant(q8, seed, work):
    """What q8 takes torch takes, with the same numbers."""
    rng = random.Random(seed)
    parts = torch_files.members(torch_files.saved({"state_dict": torch_files.views()}))
    parts["data.pkl"] = mutate(rng, parts["data.pkl"])
    data = torch_files.zipped(parts)
    file = work / f"mutant-{seed}.bin"
    file.write_bytes(data)
    code, said, found = contained(q8, file, work / f"mutant-{seed}-out")
    if code:
        return [] if code in REFUSALS else [f"exit {code}: {said}"]
    state, why = torch_loads(data)
    if why and any(word in why for word in HARMLESS):
        return []
    if why:
        return [f"taken, and torch says {why[:200]}"]
    for key in ("state_dict", "model_state_dict", "model", "module"):
        state = state.get(key, state) if isinstance(state.get(key), dict) else state
    return compare(found, {k: v for k, v in state.items() if isinstance(v, torch.Tensor)})


def check(checks, q8, work):
    for seed in range(DICTS):
        checks.attempt(f"torch dict {seed}", check_dict, q8, seed, work)
    for name in TIED:
        for legacy in (False, True):
            row = f"{name}{' legacy' if legacy else ''}"
            checks.attempt(f"torch {row}", check_tied, q8, name, legacy, work / row)
    for name, (data, _) in torch_files.bad().items():
        checks.attempt(f"torch refuses {name}", check_bad, q8, name, data, work)
    for seed in range(MUTANTS):
        checks.count(f"torch mutant {seed}", check_mutant(q8, seed, work))
