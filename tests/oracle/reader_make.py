"""reader_make.py - writes src/model/reader_table.inc: what vLLM and SGLang build for each class

    reader_make.py FOLDER     the folder with the two wheels
    reader_make.py --fetch    has pip download them into the cache first (700 MB, once)

reader_scan.py says what each registered class is made of, in the runtime's names.  Here they become
those of the checkpoint, and of them the shortest patterns that tell a class's modules apart.
"""
import collections
import re
import subprocess
import sys
from pathlib import Path

import reader_scan

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "src/model/reader_table.inc"
VERSIONS = {"vllm": "0.33.0", "sglang": "0.5.23"}
CACHE = Path.home() / ".cache/q8-oracle/wheels"

# Token embeddings; what else is looked up stays float everywhere.
NO_TOKENS = re.compile(r"pos|type|visual|vision|audio|image|patch|ngram|draft|markov")
# What sees, hears or speaks.  The rows of a language model say nothing of what lies below one of these.
TOWERS = ("vision_tower vision_model vision_encoder visual vision visual_encoder vision_transformer vit vpm image_encoder image_tower "
          "audio_tower audio_model audio_encoder audio apm speech_encoder sound_encoder speech_tower vq_model gen_vision_model "
          "talker token2wav code2wav").split()
# No part of a model by themselves.
AROUND = {"#", "model", "language_model", "transformer", "text_model", "encoder", "decoder", "layers", "llm", "blocks"}
TOWER = re.compile(r"vision|visual|audio|tower|image|speech|encoder")
LONGEST = 4000      # characters of a string: C compilers need take 4,095
BACKEND = {"vllm": "vllm/model_executor/models/transformers", "sglang": "sglang/srt/models/transformers.py"}


def wheels(folder=None):
    """{name: path} of the two wheels; downloads them when no folder is given."""
    if folder is None:
        folder = CACHE
        missing = [n for n, v in VERSIONS.items() if not list(folder.glob(f"{n}-{v}-*.whl"))]
        if missing:
            subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder]
                           + [f"{n}=={VERSIONS[n]}" for n in missing], check=True)
    found = {n: next(iter(sorted(Path(folder).glob(f"{n}-{v}-*.whl"))), None) for n, v in VERSIONS.items()}
    if None in found.values():
        sys.exit(f"reader_make.py: {folder} lacks a wheel of "
                 + ", ".join(f"{n} {VERSIONS[n]}" for n in found if not found[n]))
    return found


def place_of(words):
    """One place of what a path may be; float where any config makes it float, for float loads everywhere."""
    words = {w.split()[-1] for w in words}
    return "float" if "float" in words else "int8" if "int8" in words else "unclear"


class Row:
    """What one class is built of, in the checkpoint's names: {tuple of parts: place}."""

    def __init__(self, model, runtime):
        self.file, self.nested, self.names = model.file, bool(model.models), {}
        self.open = sorted(model.models)
        rank = {}
        for path, words in sorted(model.paths.items()):
            modules = {w for w in words if not w.startswith("embed")}
            if not modules:
                continue
            for i, name in enumerate(reader_scan.before(tuple(path.split(".")), model.pairs)):
                order = (i > 0, {"float": 0, "int8": 1, "unclear": 2}[place_of(modules)])
                if name not in rank or order < rank[name]:
                    rank[name] = order
                    self.names[name] = place_of(modules)
        if not model.paths:
            self.head = self.embed = "unclear"
            return
        self.head = self.place({p: w for p, w in model.paths.items()}, "head")
        self.embed = "float" if runtime == "sglang" else self.place(
            {p: w for p, w in model.paths.items() if not NO_TOKENS.search(p)}, "embed")

    def place(self, paths, word):
        """Of the head or the token embedding."""
        found = {p: {w for w in words if w.startswith(word)} for p, words in paths.items()}
        found = {p: words for p, words in found.items() if words}
        main = {p: w for p, w in found.items() if p.split(".")[-1] in ("lm_head", "embed_tokens", "wte")} or found
        if not main:
            return "unclear" if self.nested else "float"
        places = {place_of(words) for words in main.values()}
        return "float" if "float" in places else "unclear" if "unclear" in places else "int8"


def sample(name):
    """A path that the name stands for."""
    return ".".join("0" if part == "#" else "0.any" if part == "*" else part for part in name)


def expression(pattern):
    """The regular expression of a pattern of src/model/path.h."""
    body = re.escape(pattern.lstrip(".").removesuffix(".*")).replace(r"\#", "[0-9]+")
    return re.compile(("(.*[.])?" if pattern[0] == "." else "") + body + ("[.].*" if pattern.endswith(".*") else ""))


def suffixes(name, least):
    """Patterns of the name, the shortest first, of at least so many parts."""
    tail = name[:-1] if name[-1] == "*" else name
    end = ".*" if name[-1] == "*" else ""
    for count in range(min(least, len(tail)), len(tail) + 1):
        if tail[-count] != "#" or count == len(tail):
            yield "." + ".".join(tail[-count:]) + end


def subtrees(name):
    for count in range(1, len(name)):
        if name[count - 1] not in AROUND and name[0] != "#":
            yield "." + ".".join(name[:count]) + ".*"


def cover(names, place, least, trees):
    """Patterns that hit each name of that place and none of another."""
    mine = {n: sample(n) for n, p in names.items() if p == place}
    others = [sample(n) for n, p in names.items() if p != place]
    rows, done, memory = [], set(), {}

    def clean(pattern):
        if pattern not in memory:
            memory[pattern] = not any(expression(pattern).fullmatch(o) for o in others)
        return memory[pattern]

    for name in sorted(mine, key=lambda n: (len(n), n)):
        if name in done:
            continue
        choice = None
        if trees:
            for pattern in subtrees(name):
                if clean(pattern) and sum(1 for s in mine.values() if expression(pattern).fullmatch(s)) > 2:
                    choice = pattern
                    break
        if not choice:
            every = list(suffixes(name, least))
            choice = next((p for p in every if clean(p)), every[-1])
        rows.append((choice, {n for n, s in mine.items() if expression(choice).fullmatch(s)}))
        done |= rows[-1][1]
    for row in list(rows):                                  # what the others hit together is not needed
        rest = [r for r in rows if r is not row]
        if row[1] <= set().union(*(hit for _, hit in rest)):
            rows = rest
    return sorted({pattern for pattern, _ in rows})


def patterns(row):
    """(float, unclear, int8, int8 of what sees or hears) of one class."""
    if row.file == BACKEND.get(row.file.split("/")[0]):
        return [], [], ["*"], ["*"]
    least = 99 if row.nested else 2
    unclear = cover(row.names, "unclear", 99, False)
    unclear += ["." + path + ".*" for path in row.open if TOWER.search(path)]
    below = {n: p for n, p in row.names.items() if set(n[:-1]) & set(TOWERS)}
    spoken = {n: p for n, p in row.names.items() if n not in below}
    return (fitting(row.names, "float", least, True), sorted(set(unclear)), fitting(spoken, "int8", least, False),
            fitting(below, "int8", 99, False))


def fitting(names, place, least, trees):
    """cover(), with shorter patterns where a string would be too long."""
    for parts in (least, 5, 4, 3, 2):
        rows = cover(names, place, min(parts, least), trees)
        if len(" ".join(rows)) <= LONGEST:
            break
    return rows


def text_types(known):
    """{model_type: class} of the language models that a runtime knows."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    found = {}
    for kind, names in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.items():
        name = names if isinstance(names, str) else names[0]
        if name in known:
            found[kind] = name
    return found


def backed(known):
    """Classes of transformers that a runtime runs with transformers' own modules."""
    import transformers
    from transformers.models.auto import modeling_auto as auto
    names = set()
    for table in (auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES):
        for value in table.values():
            names |= {value} if isinstance(value, str) else set(value)
    found = []
    for name in sorted(names - set(known)):
        try:
            if getattr(transformers, name).is_backend_compatible():
                found.append(name)
        except (AttributeError, ImportError, RuntimeError):
            continue
    return found


def renamed(known):
    """{class: the registered one} that vLLM takes for a class of another task (config/model.py's suffixes)."""
    endings = ("ForCausalLM", "ForConditionalGeneration", "ChatModel", "LMHeadModel", "ForTextEncoding", "EmbeddingModel",
               "ForSequenceClassification", "ForTokenClassification", "ForAudioClassification", "ForImageClassification",
               "ForVideoClassification", "ClassificationModel", "ForRewardModeling", "RewardModel", "Model")
    import arch_facts
    found = {}
    for _, name, *_ in arch_facts.classes():
        end = next((e for e in endings if name.endswith(e)), None)
        if name in known or not end:
            continue
        other = next((name.removesuffix(end) + e for e in endings if name.removesuffix(end) + e in known), None)
        if other:
            found[name] = other
    return found


def quoted(words, indent):
    """A string of words, in lines that fit."""
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) > 90 - indent:
            lines.append(line)
            line = ""
        line += word + " "
    lines.append(line.rstrip())
    return ("\n" + " " * indent).join(f'"{line}"' for line in lines)


def table(name, models):
    """The lines of one runtime."""
    rows, classes = {}, {}
    for model in models:
        row = Row(model, name)
        lists = tuple(map(tuple, patterns(row)))
        backend = model.file == BACKEND[name]
        head, embed = ("int8", "int8" if name == "vllm" else "float") if backend else (row.head, row.embed)
        key = (model.file, head, embed, row.nested, *lists)
        classes[model.name] = rows.setdefault(key, len(rows))
    order = {row: i for i, row in enumerate(sorted(rows))}
    classes = {c: order[list(rows)[i]] for c, i in classes.items()}
    for other, known in renamed(classes).items() if name == "vllm" else ():
        classes[other] = classes[known]
    for other in backed(classes):
        classes[other] = classes["TransformersForCausalLM"]
    lines = [f"static const struct q8_reader_file {name}_files[] = {{"]
    for i, (file, head, embed, nested, *lists) in enumerate(sorted(rows)):
        lines += [f'    {{"{file}", {upper(head)}, {upper(embed)}, {str(nested).lower()}, /* {i} */']
        lines += [f"     {quoted(words, 5)}," for words in lists[:-1]] + [f"     {quoted(lists[-1], 5)}}},"]
    types = {kind: classes[c] for kind, c in text_types(classes).items()}
    for word, pairs in (("classes", classes), ("types", types)):
        lines += ["};", "", f"static const struct pair {name}_{word}[] = {{"]
        lines += filled([f'{{"{n}", {i}}},' for n, i in sorted(pairs.items())])
    return lines + ["};", ""]


def filled(words):
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > 98:
            lines.append("")
        lines[-1] += ("    " if not lines[-1] else " ") + word
    return lines


def upper(place):
    return {"int8": "Q8_PLACE_INT8", "float": "Q8_PLACE_FLOAT", "unclear": "Q8_PLACE_UNKNOWN"}[place]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = wheels(None if sys.argv[1] == "--fetch" else sys.argv[1])
    import transformers
    lines = ["/* reader_table.inc - written by tests/oracle/reader_make.py; do not edit */", "",
             f'#define TRANSFORMERS_VERSION "{transformers.__version__.removesuffix(".0")}"']
    lines += [f'#define {n.upper()}_VERSION "{v}"' for n, v in VERSIONS.items()]
    lines += ["", "static const char towers[] =", "    " + quoted([f".{name}.*" for name in TOWERS], 4) + ";", ""]
    for name, path in found.items():
        models, missing = reader_scan.scan(path)
        lines += table(name, models)
        print(f"{name}: {len(models)} architectures, {len({m.file for m in models})} model files; no class for: "
              + (", ".join(missing) or "none"))
    TABLE.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
