"""kill.py - kill -9 at random moments, then --resume: always the bytes of an undisturbed run"""
import hashlib
import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np

LAYERS, HIDDEN, FEED = 4, 768, 2304     # 57 MB in f16, a shard for each layer
SEED = 20261124


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, data in tensors.items():
        header[name] = {"dtype": "F16", "shape": data.shape,
                        "data_offsets": [offset, offset + data.nbytes]}
        offset += data.nbytes
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text
                     + b"".join(t.tobytes() for t in tensors.values()))


def make_source(folder):
    """A llama without transformers: one shard per layer, and one with head and embedding."""
    random_ = np.random.default_rng(SEED)

    def some(*shape):
        return (random_.standard_normal(shape, np.float32) * 0.02).astype(np.float16)

    folder.mkdir()
    shapes = {"self_attn.q_proj": (HIDDEN, HIDDEN), "self_attn.k_proj": (HIDDEN, HIDDEN),
              "self_attn.v_proj": (HIDDEN, HIDDEN), "self_attn.o_proj": (HIDDEN, HIDDEN),
              "mlp.gate_proj": (FEED, HIDDEN), "mlp.up_proj": (FEED, HIDDEN),
              "mlp.down_proj": (HIDDEN, FEED), "input_layernorm": (HIDDEN,),
              "post_attention_layernorm": (HIDDEN,)}
    shards = [{f"model.layers.{layer}.{name}.weight": some(*shape)
               for name, shape in shapes.items()} for layer in range(LAYERS)]
    shards.append({"model.embed_tokens.weight": some(256, HIDDEN), "lm_head.weight": some(256, HIDDEN),
                   "model.norm.weight": some(HIDDEN)})
    where = {}
    for i, tensors in enumerate(shards, 1):
        name = f"model-{i:05d}-of-{len(shards):05d}.safetensors"
        write_safetensors(folder / name, tensors)
        where.update(dict.fromkeys(tensors, name))
    total = sum(t.nbytes for tensors in shards for t in tensors.values())
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": total}, "weight_map": where}, indent=2))
    (folder / "config.json").write_text(json.dumps(
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN,
         "intermediate_size": FEED, "num_hidden_layers": LAYERS, "num_attention_heads": 12,
         "num_key_value_heads": 12, "vocab_size": 256, "tie_word_embeddings": False,
         "torch_dtype": "float16"}, indent=2))
    (folder / "README.md").write_text("# made to be interrupted\n")


def digests(folder):
    """SHA-256 of every file, by its path below the folder."""
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*")) if p.is_file()}


def difference(want, have):
    return [f"{name}: {'missing' if name not in have else 'differs' if name in want else 'extra'}"
            for name in sorted(want.keys() | have.keys()) if want.get(name) != have.get(name)]


def killed_after(command, seconds):
    """Runs and kills -9 after so many seconds; False when it had ended by itself before."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def one_round(command, out, want, moment, again):
    """One kill (and a second one, of the resumed run), then --resume; a list of problems."""
    resume = [*command[:-2], "--resume", *command[-2:]]
    landed = killed_after(command, moment)
    if landed and again and not out.exists():
        killed_after(resume, again)
    if out.exists():                    # the rename was done: then it is complete
        problems = [f"OUTPUT after the kill: {p}" for p in difference(want, digests(out))]
    else:
        done = subprocess.run(resume, capture_output=True, text=True, timeout=120)
        problems = [f"--resume: exit {done.returncode}: {done.stderr.strip()}"] \
            if done.returncode else difference(want, digests(out))
    if Path(f"{out}.partial").exists():
        problems.append("OUTPUT.partial is still there")
    return problems, landed


def clean(out):
    for folder in (out, Path(f"{out}.partial")):
        shutil.rmtree(folder, ignore_errors=True)


def check(checks, q8, work, kills):
    """One check for the undisturbed run and one for all kills; a kill after the end is no kill."""
    folder = work / "kill"
    folder.mkdir()
    source, out = folder / "source", folder / "out"
    make_source(source)
    command = [str(q8), "-q", "--to", "bnb-int8", str(source), str(out)]
    subprocess.run(command, capture_output=True)
    clean(out)
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    length = time.monotonic() - begin
    if not checks.add("kill: undisturbed run",
                      [done.stderr.strip() or f"exit {done.returncode}"] if done.returncode else []):
        return
    want, problems, landed, ran = digests(out), [], 0, 0
    random_ = random.Random(SEED)
    while landed < kills and ran < 4 * kills:
        clean(out)
        moment = random_.uniform(0, length)
        again = random_.uniform(0, length) if ran % 2 else 0
        found, hit = one_round(command, out, want, moment, again)
        problems += [f"round {ran}, killed after {1000 * moment:.1f} ms: {p}" for p in found]
        landed += hit
        ran += 1
    print(f"     {landed} kills within {1000 * length:.0f} ms, {ran - landed} came too late; "
          f"seed {SEED}", flush=True)
    checks.add(f"kill: {landed} times killed and resumed, the same bytes",
               problems or ([] if landed == kills else [f"{kills} kills were asked for"]))
