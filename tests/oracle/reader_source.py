"""reader_source.py - the values that reader_scan.py reckons with, and the files of a wheel that they come from"""
import ast
import re
import zipfile
from pathlib import Path

CARRIERS = {"quant_config", "quantization_config", "qconfig"}
NO_MODEL = ("Config", "Processor", "Tokenizer", "TokenizerFast", "FN", "Output", "Extractor", "Cache", "Embedding", "Norm", "Activation",
            "Mixin", "Feature", "Inputs", "Kwargs")
MOST = 24           # what a value may be; beyond that it is not worth telling apart
DEEP = 40           # calls within calls


class Const:
    """A value of the source: None, a bool, a string."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Const) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self):
        return hash(repr(self.value))


class Mark:
    def __init__(self, word):
        self.word = word


OTHER = Mark("other")           # nothing is known
QUANT = Mark("quant")           # the model's quantization, which is compressed-tensors
CARRIER = Mark("carrier")       # vllm_config, which has it inside
NONE = Const(None)


class External:
    """Something outside the wheel, by its dotted name."""

    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        return isinstance(other, External) and self.name == other.name

    def __hash__(self):
        return hash(self.name)


class Class:
    def __init__(self, home, node, outer=None):
        self.home, self.node, self.outer, self.name = home, node, outer, node.name

    def __eq__(self, other):
        return isinstance(other, Class) and self.node is other.node

    def __hash__(self):
        return hash(id(self.node))


class Function:
    def __init__(self, home, node, frame=None, bound=None, owner=None):
        self.home, self.node, self.frame, self.bound, self.owner = home, node, frame, bound, owner


class Partial:
    def __init__(self, inner, args, words):
        self.inner, self.args, self.words = inner, args, words


class Items:
    """A list, tuple, dict or ModuleList: what may be in it; `names` where the keys are known."""

    def __init__(self, items=(), names=None, is_module=False, exact=False):
        self.items, self.names, self.is_module, self.exact = list(items), names or {}, is_module, exact


class Part:
    """An instance: a module of the tree, or a plain object.

    kind: "" for one with parts; "linear", "head", "embed", "experts" with `quant`, what its
    quant_config may be; "plain" for a whole tree of torch's or transformers' own; "model" for
    one that the registry chooses.
    """

    def __init__(self, made_of=None, kind="", quant=()):
        self.made_of, self.kind, self.quant, self.parts = made_of, kind, tuple(quant), {}
        self.text = []


def merge(*lists):
    found = []
    for values in lists:
        for value in values:
            if value not in found:
                found.append(value)
    return found if len(found) <= MOST else found[:MOST]


class Home:
    """One source file: what its names stand for."""

    def __init__(self, wheel, path, text):
        self.wheel, self.path = wheel, path
        self.names, self.values, self.imports = {}, {}, {}
        tree = ast.parse(text)
        self.package = path.rsplit("/", 1)[0].split("/")
        for node in ast.walk(tree):
            self.note_import(node, inner=True)
        self.read(tree.body)
        self.tree = tree

    def read(self, body):
        for node in body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                self.names[node.name] = node
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self.values[target.id] = node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                self.values[node.target.id] = node.value
            elif isinstance(node, ast.If):
                taken = platform(node.test, self)
                for branch, wanted in ((node.orelse, True), (node.body, False)):
                    if taken is not wanted:
                        self.read(branch)
            elif isinstance(node, ast.Try):
                for branch in [h.body for h in node.handlers] + [node.orelse, node.body]:
                    self.read(branch)
            else:
                self.note_import(node)

    def note_import(self, node, inner=False):
        if isinstance(node, ast.ImportFrom):
            module = self.package[:len(self.package) - node.level + 1] if node.level else []
            module = ".".join(module + ([node.module] if node.module else []))
            for name in node.names:
                key = name.asname or name.name
                if not inner or key not in self.imports:
                    self.imports[key] = (module, name.name)
        elif isinstance(node, ast.Import):
            for name in node.names:
                key = name.asname or name.name.split(".")[0]
                if not inner or key not in self.imports:
                    self.imports[key] = (name.name if name.asname else key, None)


OTHER_HARDWARE = {"is_rocm", "is_xpu", "is_cpu", "is_tpu", "is_hip", "is_npu", "is_musa", "is_mps", "is_hpu",
                  "is_out_of_tree", "is_host_cpu_arm64", "is_gfx95_supported", "is_neuron", "use_intel_amx_backend",
                  "use_intel_xpu_backend", "is_cpu_amx_available"}
OURS = {"is_cuda", "is_cuda_alike"}


def platform(test, home=None):
    """What a test of the hardware says where there is an NVIDIA GPU; None for any other test."""
    if isinstance(test, ast.Call):
        name = last(test.func)
        return False if name in OTHER_HARDWARE else True if name in OURS else None
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = platform(test.operand, home)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        parts = [platform(value, home) for value in test.values]
        ends = isinstance(test.op, ast.Or)
        return ends if ends in parts else None if None in parts else not ends
    if isinstance(test, ast.Name) and home and test.id in home.values:
        return platform(home.values[test.id])
    if isinstance(test, ast.Name):
        return False if test.id == "TYPE_CHECKING" else None
    return None


def last(node):
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Call):
        return last(node.func)
    if isinstance(node, ast.Subscript):
        return last(node.value)
    return ""


class Wheel:
    """The source files of one wheel, parsed when asked for."""

    def __init__(self, path):
        self.zip = zipfile.ZipFile(path)
        self.files = {name for name in self.zip.namelist() if name.endswith(".py")}
        self.homes = {}
        found = re.match(r"([a-z]+)-([0-9.]+)-", Path(path).name)
        self.name, self.version = found[1], found[2]

    def home(self, path):
        if path not in self.homes:
            try:
                self.homes[path] = Home(self, path, self.zip.read(path).decode("utf-8", "replace"))
            except SyntaxError:
                self.homes[path] = None
        return self.homes[path]

    def module(self, dotted):
        for path in (dotted.replace(".", "/") + ".py", dotted.replace(".", "/") + "/__init__.py"):
            if path in self.files:
                return self.home(path)
        return None

    def named(self, home, name, seen=()):
        """What `name` is in that file: a node with its file, (Home, None) for a module, or an External."""
        if (home.path, name) in seen:
            return None
        seen += ((home.path, name),)
        if name in home.names:
            return home, home.names[name]
        if name in home.values:
            return home, home.values[name]
        if name in home.imports:
            module, original = home.imports[name]
            there = self.module(module)
            if original is None:
                return (there, None) if there else External(module)
            inner = self.module(module + "." + original)
            if there:
                found = self.named(there, original, seen)
                if found or not inner:
                    return found
            if inner:
                return inner, None
            return External(module + "." + original)
        return None


class Frame:
    """The names of one running function."""

    def __init__(self, home, names, parent=None, owner=None, receiver=None):
        self.home, self.names, self.parent, self.owner, self.receiver = home, names, parent, owner, receiver
        self.returned = []

    def find(self, name):
        frame = self
        while frame:
            if name in frame.names:
                return frame.names[name]
            frame = frame.parent
        return None


def truthy(value):
    return bool(value.value) if isinstance(value, Const) else True if value in (QUANT, CARRIER) else None


def flat(values):
    return merge(*(v if isinstance(v, list) else [v] for v in values))


def mark(value):
    """A key that says whether two arguments are the same."""
    if isinstance(value, Const):
        return "const " + repr(value.value)
    if isinstance(value, Mark):
        return value.word
    if isinstance(value, External):
        return value.name
    if isinstance(value, Class):
        return f"class {value.home.path} {value.node.lineno}"
    return f"at {id(value)}"


def no_class(name):
    return name.endswith(NO_MODEL) or not name[:1].isupper() or name.isupper()
