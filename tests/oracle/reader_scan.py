"""reader_scan.py - which modules a serving runtime builds with its quantization: read from the source in its wheel

Nothing of the wheel is imported or run.  Each registered model class is interpreted abstractly, from
__init__ on: a value is a list of what it may be, a branch that depends on the model's config is
followed both ways, and every nn.Module leaves a tree of its parts.  `quant_config` is one marked
value, so a Linear that it does not reach is one that no int8 weight can fill.
"""
import ast
import re
import sys
import zipfile
from pathlib import Path

sys.setrecursionlimit(20000)
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


LINEARS = ("/layers/linear.py", "/layers/vocab_parallel_embedding.py", "/fused_moe_triton/layer.py")
LEAVES = {"LinearBase": "linear", "ParallelLMHead": "head", "VocabParallelEmbedding": "embed", "FusedMoE": "experts"}
# Where modules are built; what lies elsewhere computes.
ROOMS = re.compile(r"(vllm/models|vllm/model_executor/(models|layers)|sglang/srt/(models|layers))/(?!.*(quantization|backend|kernel))")
LISTS_OF_FLOAT = {"ignore", "ignored_layers", "modules_to_not_convert", "exclude_modules"}
CARRIERS = {"quant_config", "quantization_config", "qconfig"}
THE_SAME = {"to", "cuda", "half", "eval", "float", "bfloat16", "train", "requires_grad_", "maybe_torch_compile", "torch_compile",
            "deepcopy", "cast", "support_torch_compile", "checkpoint_wrapper", "list", "tuple", "set", "reversed", "iter", "next",
            "values", "items", "maybe_offload_to_cpu", "wrap_modules", "get_layer", "keys", "compile"}
NO_MODEL = ("Config", "Processor", "Tokenizer", "TokenizerFast", "FN", "Output", "Extractor", "Cache", "Embedding", "Norm", "Activation",
            "Mixin", "Feature", "Inputs", "Kwargs")


def inside(path):
    return ROOMS.match(path) is not None


def no_class(name):
    return name.endswith(NO_MODEL) or not name[:1].isupper() or name.isupper()


class Interpreter:
    """Builds the tree of one class."""

    def __init__(self, wheel):
        self.wheel, self.depth, self.unsure, self.stack, self.memory, self.globals = wheel, 0, 0, [], {}, {}
        self.orders = {}
        self.architectures, self.alive = {}, []

    # -- names

    def lookup(self, frame, name):
        found = frame.find(name)
        return found if found is not None else self.of_home(frame.home, name)

    def of_home(self, home, name):
        key = home.path, name
        if key not in self.globals:
            self.globals[key] = [OTHER]                     # while it is being worked out
            self.globals[key] = self.of_named(home, self.wheel.named(home, name), name)
        return self.globals[key]

    def of_named(self, home, found, name):
        if found is None:
            return [External(name)]
        if isinstance(found, External):
            return [found]
        there, node = found
        if node is None:
            return [there]
        if isinstance(node, ast.ClassDef):
            return [Class(there, node)]
        if isinstance(node, ast.FunctionDef):
            return [Function(there, node)]
        return self.value(node, Frame(there, {}))

    def order(self, cls):
        """The classes whose methods an instance has, nearest first; outside ones are Externals."""
        if cls in self.orders:
            return self.orders[cls]
        found = self.orders[cls] = [cls]
        frame = Frame(cls.home, {}, cls.outer)
        tails = [[base] + (self.order(base)[1:] if isinstance(base, Class) else [])
                 for node in cls.node.bases for base in self.value(node, frame) if isinstance(base, (Class, External))]
        for i, tail in enumerate(tails):
            for base in tail:                               # as Python: one that comes again later waits
                if base not in found and not any(base in later[1:] for later in tails[i + 1:]):
                    found.append(base)
        for tail in tails:
            found += [base for base in tail if base not in found]
        return found

    def member(self, cls, name, after=None):
        """(class, node) of a method or class variable."""
        order = self.order(cls)
        for base in order[order.index(after) + 1 if after in order else 0:]:
            if not isinstance(base, Class):
                continue
            for node in reversed(base.node.body):
                if isinstance(node, ast.FunctionDef) and node.name == name:
                    return base, node
                targets = node.targets if isinstance(node, ast.Assign) else \
                    [node.target] if isinstance(node, ast.AnnAssign) and node.value else []
                if any(isinstance(t, ast.Name) and t.id == name for t in targets):
                    return base, node.value
        return None

    # -- expressions

    def value(self, node, frame):
        method = getattr(self, "value_" + type(node).__name__, None)
        return method(node, frame) if method else [OTHER]

    def value_Constant(self, node, frame):
        return [Const(node.value)]

    def value_Name(self, node, frame):
        return self.lookup(frame, node.id)

    def value_IfExp(self, node, frame):
        taken = self.truth(node.test, frame)
        if taken is not None:
            return self.value(node.body if taken else node.orelse, frame)
        return merge(self.value(node.body, frame), self.value(node.orelse, frame))

    def value_BoolOp(self, node, frame):
        found, ends = [], isinstance(node.op, ast.Or)
        for i, v in enumerate(node.values):
            for value in self.value(v, frame):
                sure = truthy(value)                        # `a or b` is b where a is None
                if sure is None or sure == ends or i + 1 == len(node.values):
                    found = merge(found, [value])
            if self.truth(v, frame) is ends:
                break
        return found

    def value_NamedExpr(self, node, frame):
        frame.names[node.target.id] = found = self.value(node.value, frame)
        return found

    def value_Lambda(self, node, frame):
        return [Function(frame.home, node, frame, owner=frame.owner)]

    def value_Starred(self, node, frame):
        return self.value(node.value, frame)

    def value_Tuple(self, node, frame):
        items, exact = [], True
        for e in node.elts:
            found = self.value(e, frame)
            if isinstance(e, ast.Starred):
                exact = False
                found = merge(*(v.items if isinstance(v, Items) else [] for v in found))
                items += [[v] for v in flat(found)]
            else:
                items.append(found)
        return [Items(items, exact=exact)]

    value_List = value_Set = value_Tuple

    def value_Dict(self, node, frame):
        names, items = {}, []
        for key, value in zip(node.keys, node.values):
            found = self.value(value, frame)
            if isinstance(key, ast.Constant):
                names[key.value] = found
            elif key is None:
                for v in found:
                    if isinstance(v, Items):
                        names.update(v.names)
                        items += v.items
            else:
                items.append(found)
        return [Items(items, names)]

    def comprehension(self, node, frame):
        inner = Frame(frame.home, {}, frame, frame.owner, frame.receiver)
        for part in node.generators:
            self.assign(part.target, self.element(self.value(part.iter, inner)), inner)
        self.unsure += 1
        found = self.value(node.elt if hasattr(node, "elt") else node.value, inner)
        self.unsure -= 1
        return [Items([found])]

    value_ListComp = value_GeneratorExp = value_DictComp = value_SetComp = comprehension

    def element(self, values):
        found = []
        for v in values:
            if isinstance(v, Items):
                found = merge(found, *v.items, *v.names.values())
        return found or [OTHER]

    def value_Subscript(self, node, frame):
        found = []
        for v in self.value(node.value, frame):
            if not isinstance(v, Items):
                found.append(v if isinstance(v, External) and not no_class(v.name.split(".")[-1]) else OTHER)
                continue
            keys = [k.value for k in self.value(node.slice, frame) if isinstance(k, Const)]
            if len(keys) == 1 and keys[0] in v.names:
                found = merge(found, v.names[keys[0]])
            elif v.exact and len(keys) == 1 and type(keys[0]) is int and -len(v.items) <= keys[0] < len(v.items):
                found = merge(found, v.items[keys[0]])
            else:
                found = merge(found, self.element([v]))
        return merge(found) or [OTHER]

    def value_Attribute(self, node, frame):
        if isinstance(node.value, ast.Call) and last(node.value.func) == "super" and isinstance(node.value.func, ast.Name):
            return self.of_super(node, frame)
        found = []
        for v in self.value(node.value, frame):
            found = merge(found, self.attribute(v, node.attr))
        return found

    def of_super(self, node, frame):
        found = []
        for receiver in (frame.receiver or []):
            cls = receiver.made_of if isinstance(receiver, Part) else receiver
            at = self.member(cls, node.attr, frame.owner) if isinstance(cls, Class) else None
            if at:
                found.append(Function(at[0].home, at[1], at[0].outer, receiver, at[0]))
        return found or [OTHER]

    def attribute(self, v, name):
        if v is CARRIER:
            return [QUANT] if name in CARRIERS else [CARRIER] if name in ("with_hf_config", "speculative_config") else [OTHER]
        if isinstance(v, External):
            return [External(v.name + "." + name)]
        if isinstance(v, Home):
            return self.of_home(v, name)
        cls = v.made_of if isinstance(v, Part) else v
        if isinstance(v, Part) and name in v.parts:
            return v.parts[name]
        if isinstance(cls, Class):
            if name == "__class__":
                return [cls]
            at = self.member(cls, name)
            if at and isinstance(at[1], ast.FunctionDef):
                marks = {last(d) for d in at[1].decorator_list}
                if marks & {"property", "cached_property"}:
                    return self.call_function(Function(at[0].home, at[1], at[0].outer, v, at[0]), [], {})
                bound = None if "staticmethod" in marks else cls if "classmethod" in marks else v
                if isinstance(v, Class) and "classmethod" not in marks:
                    bound = None
                return [Function(at[0].home, at[1], at[0].outer, bound, at[0])]
            if at and not any(last(d) == "dataclass" for d in at[0].node.decorator_list):
                return self.value(at[1], Frame(at[0].home, {}, at[0].outer))
        if v is QUANT:
            return [QUANT] if name in CARRIERS else [OTHER]
        if name in CARRIERS and isinstance(v, Mark):
            return [QUANT]
        if name in ("vllm_config",) and isinstance(v, Mark):
            return [CARRIER]
        return [OTHER]

    # -- conditions

    def truth(self, test, frame):
        """True, False, or None when the config decides."""
        taken = platform(test, frame.home)
        if taken is not None:
            return taken
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self.truth(test.operand, frame)
            return None if inner is None else not inner
        if isinstance(test, ast.BoolOp):
            ends = isinstance(test.op, ast.Or)
            parts = [self.truth(v, frame) for v in test.values]
            return ends if ends in parts else None if None in parts else not ends
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            return self.compare(test, frame)
        if isinstance(test, ast.Call) and last(test.func) == "isinstance" and len(test.args) == 2:
            values = self.value(test.args[0], frame)
            names = {n.id if isinstance(n, ast.Name) else n.attr for n in ast.walk(test.args[1]) if isinstance(n, (ast.Name, ast.Attribute))}
            if values == [QUANT]:
                return any("CompressedTensors" in n for n in names)
            return False if values == [NONE] else None
        if isinstance(test, (ast.Name, ast.Attribute, ast.Constant)):
            values = self.value(test, frame)
            if len(values) == 1 and isinstance(values[0], Const):
                return bool(values[0].value)
            return True if values in ([QUANT], [CARRIER]) else None
        return None

    def compare(self, test, frame):
        if isinstance(test.ops[0], (ast.In, ast.NotIn)) and last(test.comparators[0]) in LISTS_OF_FLOAT:
            return isinstance(test.ops[0], ast.NotIn)       # what is int8 is in no such list
        left, right, op = self.value(test.left, frame), self.value(test.comparators[0], frame), test.ops[0]
        if len(left) == 1 and right == [NONE] and isinstance(op, (ast.Is, ast.IsNot)):
            known = left == [NONE] or left[0] in (QUANT, CARRIER) or isinstance(left[0], (Const, Part, Items, Class, Function))
            return (left == [NONE]) == isinstance(op, ast.Is) if known else None
        about = isinstance(test.left, ast.Call) and last(test.left.func) == "get_name" and \
            QUANT in self.value(test.left.func.value, frame)
        if about and isinstance(op, (ast.Eq, ast.In, ast.NotEq, ast.NotIn)):
            words = [n.value for n in ast.walk(test.comparators[0]) if isinstance(n, ast.Constant)]
            return any("compressed" in str(w) for w in words) == isinstance(op, (ast.Eq, ast.In))
        if len(left) == len(right) == 1 and isinstance(left[0], Const) and isinstance(right[0], Const) and isinstance(op, (ast.Eq, ast.NotEq)):
            return (left == right) == isinstance(op, ast.Eq)
        return None

    # -- calls

    def value_Call(self, node, frame):
        name = last(node.func)
        if name == "super":
            return [OTHER]
        args, words, more = [], {}, False
        for a in node.args:
            if isinstance(a, ast.Starred):
                spread = self.value(a.value, frame)
                known = [v for v in spread if isinstance(v, Items)]
                for v in known:
                    args += v.items
                more = more or not known
            else:
                args.append(self.value(a, frame))
        for k in node.keywords:
            if k.arg:
                words[k.arg] = self.value(k.value, frame)
            else:
                known = [v for v in self.value(k.value, frame) if isinstance(v, Items)]
                for v in known:
                    words = {**v.names, **words}
                more = more or not known
        if more:
            words[None] = [OTHER]
        special = getattr(self, "call_" + name, None)
        if special:
            return special(node, frame, args, words)
        if name == "get_name" and not args:
            return [OTHER]
        if isinstance(node.func, ast.Attribute) and name in ("append", "extend", "insert", "add_module", "register_module", "update",
                                                              "setdefault", "__setitem__", "register_modules"):
            return self.put(node, frame, name, args)
        if name in ("get", "pop") and isinstance(node.func, ast.Attribute) and args:
            table = [v for v in self.value(node.func.value, frame) if isinstance(v, Items)]
            if table:
                return merge(self.element(table), *args[1:])
        found = []
        for f in self.value(node.func, frame):
            found = merge(found, self.apply(f, args, words))
        if found in ([], [OTHER]) and name in THE_SAME:
            whole = self.value(node.func.value, frame) if isinstance(node.func, ast.Attribute) else args[0] if args else [OTHER]
            found = whole if whole and not all(isinstance(v, External) for v in whole) else args[0] if args else [OTHER]
        return found or [OTHER]

    def put(self, node, frame, name, args):
        for v in self.value(node.func.value, frame):
            if isinstance(v, Items) and args:
                given = args[-1]
                if name in ("extend", "update"):
                    for w in given:
                        if isinstance(w, Items):
                            v.items += w.items
                            v.names.update(w.names)
                elif given not in v.items:
                    v.items.append(given)
                v.exact = False
            elif isinstance(v, Part) and len(args) == 2:
                self.set_part(v, args[0][0].value if isinstance(args[0][0], Const) else "*", args[1])
        return [OTHER]

    def call_getattr(self, node, frame, args, words):
        names = [k.value for k in args[1] if isinstance(k, Const)] if len(args) > 1 else []
        found = []
        for v in args[0]:
            found = merge(found, self.attribute(v, names[0]) if len(names) == 1 else [OTHER])
        return merge(found, args[2]) if len(args) > 2 and OTHER in found and QUANT not in found else found

    def call_setattr(self, node, frame, args, words):
        for v in args[0] if len(args) == 3 else []:
            if isinstance(v, Part):
                self.set_part(v, args[1][0].value if isinstance(args[1][0], Const) else "*", args[2])
        return [OTHER]

    def call_type(self, node, frame, args, words):
        return [v.made_of for v in args[0] if isinstance(v, Part) and v.made_of] if len(args) == 1 else [OTHER]

    def call_partial(self, node, frame, args, words):
        return [Partial(v, args[1:], words) for v in args[0]] if args else [OTHER]

    def call_make_layers(self, node, frame, args, words):
        given = words.get("layer_fn") or (args[1] if len(args) > 1 else [])
        return [Items([merge(*(self.apply(f, [[OTHER], [OTHER]], {"prefix": [OTHER]}) for f in given))], is_module=True)]

    call_make_layers_non_pp = call_make_pp_layers = call_make_layers

    def call_enumerate(self, node, frame, args, words):
        return [Items([[Items([[OTHER], self.element(args[0])], exact=True)]])]

    def call_zip(self, node, frame, args, words):
        return [Items([[Items([self.element(a) for a in args], exact=True)]])]

    def call_range(self, node, frame, args, words):
        return [OTHER]

    def call_isinstance(self, node, frame, args, words):
        return [OTHER]

    def call_init_vllm_registered_model(self, node, frame, args, words):
        part = Part(kind="model")
        names = self.element(words.get("architectures", [OTHER]))
        part.text = [n.value for n in names if isinstance(n, Const) and isinstance(n.value, str)]
        known = [self.architectures[n] for n in part.text if n in self.architectures]
        if known and len(known) == len(part.text):
            return merge(*(self.apply(c, [], {"vllm_config": [CARRIER], "prefix": [OTHER]}) for c in known))
        return [part]

    def call__get_sgl_model_cls(self, node, frame, args, words):
        return [Mark("chosen")]                             # which class: the registry's answer for the config

    def call_get_draft_quant_config(self, node, frame, args, words):
        return [QUANT]

    call_initialize_model = call_get_model = call_init_vllm_registered_model

    def call_FusedMoEFactory(self, node, frame, args, words):
        return [Part(kind="experts", quant=self.given(words, "quant_config"))]

    call_fused_moe_factory = call_FusedMoEFactory

    def given(self, words, name):
        return words.get(name, [QUANT] if None in words else [NONE])

    def apply(self, f, args, words):
        if self.depth > DEEP:
            return [OTHER]
        if isinstance(f, Partial):
            return self.apply(f.inner, f.args + args, {**f.words, **words})
        if f is CARRIER:
            return [CARRIER]
        if isinstance(f, Mark) and f.word == "chosen":
            return [Part(kind="model")]
        if isinstance(f, Class):
            return self.construct(f, args, words)
        if isinstance(f, Function):
            return self.call_function(f, args, words)
        if isinstance(f, External):
            return self.call_external(f.name, args, words)
        return [OTHER]

    def call_external(self, name, args, words):
        words_of = name.split(".")
        leaf = words_of[-1]
        if words_of[0] in ("torch", "nn") or name in ("Linear", "ModuleList", "Sequential"):
            if leaf in ("Linear", "NonDynamicallyQuantizableLinear"):
                return [Part(kind="linear", quant=[NONE])]
            if leaf in ("ModuleList", "Sequential", "ModuleDict"):
                return [self.module_list(args)]
            if leaf in ("MultiheadAttention", "TransformerEncoderLayer", "TransformerEncoder", "Bilinear", "LSTM"):
                return [Part(kind="plain")]
            return [Part()] if leaf[:1].isupper() else args[0] if leaf in ("deepcopy", "compile") and args else [OTHER]
        if leaf == "deepcopy" and args:
            return args[0]
        if leaf == "OrderedDict":
            return [self.module_list(args)]
        if words_of[0] in ("transformers", "timm", "open_clip", "diffusers", "fla", "whisper", "peft", "terratorch"):
            classes = [w for w in words_of[1:] if not no_class(w)]
            if classes and not any(w.endswith(NO_MODEL) for w in words_of) or leaf == "create_model":
                return [Part(kind="plain")]
        return [OTHER]

    def module_list(self, args):
        made = Items(is_module=True)
        for values in args:
            for v in values:
                if isinstance(v, Items):
                    made.names.update(v.names)
                    for item in v.items:
                        pairs = [p for p in item if isinstance(p, Items) and p.exact and len(p.items) == 2 and
                                 all(isinstance(k, Const) for k in p.items[0])]
                        for p in pairs:
                            made.names[p.items[0][0].value] = p.items[1]
                        rest = [p for p in item if p not in pairs]
                        if rest:
                            made.items.append(rest)
                elif isinstance(v, Part):
                    made.items.append([v])
        return made

    def bind(self, function, args, words, frame):
        """Names of the parameters: what is given, else the default."""
        spec = function.node.args
        names = [a.arg for a in spec.posonlyargs + spec.args]
        home = Frame(function.home, {}, function.frame)
        if function.bound is not None and names:
            args = [[function.bound]] + args
        found = {}
        for name, default in zip(names[len(names) - len(spec.defaults):], spec.defaults):
            found[name] = self.value(default, home)
        for a, default in zip(spec.kwonlyargs, spec.kw_defaults):
            found[a.arg] = self.value(default, home) if default else [OTHER]
        for name in names:
            found.setdefault(name, [OTHER])
        if None in words:
            for name in found:
                if name in CARRIERS:
                    found[name] = [QUANT]
                if name == "vllm_config":
                    found[name] = [CARRIER]
        found.update(zip(names, args))
        if spec.vararg:
            found[spec.vararg.arg] = [Items(args[len(names):], exact=True)]
        rest = {}
        for name, values in words.items():
            if name is not None:
                (found if name in found else rest)[name] = values
        if spec.kwarg:
            found[spec.kwarg.arg] = [Items([], rest)] if None not in words else [OTHER]
        return found

    def call_function(self, function, args, words):
        if self.depth > DEEP or sum(1 for f in self.stack if f is function.node) > 1:
            return [OTHER]
        if not isinstance(function.node, (ast.FunctionDef, ast.Lambda)) or not inside(function.home.path):
            return [OTHER]
        names = self.bind(function, args, words, None)
        receiver = [function.bound] if function.bound is not None else None
        if receiver is None and function.owner and args:
            receiver = args[0]
        frame = Frame(function.home, names, function.frame, function.owner, receiver)
        if function.frame is not None and frame.receiver is None:
            frame.receiver = function.frame.receiver
        self.depth += 1
        self.stack.append(function.node)
        try:
            if isinstance(function.node, ast.Lambda):
                return self.value(function.node.body, frame)
            self.run(function.node.body, frame)
            return merge(*frame.returned) or [NONE]
        finally:
            self.stack.pop()
            self.depth -= 1

    # -- instances

    def construct(self, cls, args, words):
        order = self.order(cls)
        key = (cls, tuple(frozenset(map(mark, a)) for a in args),
               tuple(sorted((str(n), tuple(sorted(map(mark, v)))) for n, v in words.items())))
        if key in self.memory:
            return self.memory[key]
        if sum(1 for f in self.stack if f is cls.node) > 1 or self.depth > DEEP:
            return [OTHER]
        if not inside(cls.home.path):
            return [Part(cls)]
        leaf = self.leaf_kind(order)
        self.alive.append((args, words))                    # so that no id in a key comes again
        new = self.member(cls, "__new__")
        self.depth += 1
        self.stack.append(cls.node)
        unsure, self.unsure = self.unsure, 0
        try:
            if new and isinstance(new[1], ast.FunctionDef):
                made = self.call_function(Function(new[0].home, new[1], new[0].outer, cls, new[0]), args, words)
                parts = [v for v in made if isinstance(v, Part) and v.made_of and v.made_of != cls]
                if parts:
                    self.memory[key] = parts
                    return parts
            part = Part(cls)
            part.kind = leaf or ""
            self.memory[key] = [part]
            init = self.member(cls, "__init__")
            if init and isinstance(init[1], ast.FunctionDef):
                self.call_init(Function(init[0].home, init[1], init[0].outer, part, init[0]), args, words)
            elif not init:
                for name, values in words.items():          # a dataclass
                    if name:
                        part.parts[name] = values
            if any(isinstance(base, External) and base.name.startswith("transformers.") and base.name.endswith(("Model", "ForCausalLM"))
                   and not base.name.endswith("PreTrainedModel") for base in order) and not leaf:
                part.kind = "plain"
            return [part]
        finally:
            self.unsure = unsure
            self.stack.pop()
            self.depth -= 1

    def leaf_kind(self, order):
        """What the runtime's own layer is that the class derives from, or None."""
        for base in order:
            if isinstance(base, Class) and base.name in LEAVES and base.home.path.endswith(LINEARS):
                return LEAVES[base.name]
        return None

    def call_init(self, function, args, words):
        """A constructor; one of the runtime's own layers is asked only for its quant_config."""
        if function.owner.home.path.endswith(LINEARS):
            names = self.bind(function, args, words, None)
            part = function.bound
            if not part.quant:
                part.quant = tuple(names.get("quant_config") or self.given(words, "quant_config"))
            return [NONE]
        return self.call_function(function, args, words)

    def call___init__(self, node, frame, args, words):
        """super().__init__(...) or Base.__init__(self, ...)."""
        for f in self.value(node.func, frame):
            if not isinstance(f, Function):
                continue
            if f.bound is None and args:
                for receiver in args[0]:
                    if isinstance(receiver, Part):
                        self.call_init(Function(f.home, f.node, f.frame, receiver, f.owner), args[1:], words)
            elif isinstance(f.bound, Part):
                self.call_init(f, args, words)
        return [NONE]

    def set_part(self, part, name, values):
        if self.unsure and name in part.parts or name == "*":
            part.parts[name] = merge(part.parts.get(name, []), values)
        else:
            part.parts[name] = values

    # -- statements

    def run(self, body, frame):
        """True when control does not reach the end."""
        return any(self.statement(node, frame) for node in body)

    def statement(self, node, frame):
        if isinstance(node, ast.Assign):
            values = self.value(node.value, frame)
            for target in node.targets:
                self.assign(target, values, frame)
        elif isinstance(node, ast.AnnAssign) and node.value:
            self.assign(node.target, self.value(node.value, frame), frame)
        elif isinstance(node, ast.AugAssign):
            values = merge(self.value(node.target, frame), self.value(node.value, frame))
            joined = [v for v in values if isinstance(v, Items)]
            if len(joined) > 1:
                values = [Items([i for v in joined for i in v.items], {k: w for v in joined for k, w in v.names.items()})]
            self.assign(node.target, values, frame)
        elif isinstance(node, ast.Expr):
            self.value(node.value, frame)
        elif isinstance(node, ast.Return):
            frame.returned.append(self.value(node.value, frame) if node.value else [NONE])
            return True
        elif isinstance(node, ast.Raise):
            return True
        elif isinstance(node, ast.FunctionDef):
            frame.names[node.name] = [Function(frame.home, node, frame, owner=frame.owner)]
        elif isinstance(node, ast.ClassDef):
            frame.names[node.name] = [Class(frame.home, node, frame)]
        elif isinstance(node, ast.If):
            return self.branch(node, frame)
        elif isinstance(node, (ast.For, ast.While)):
            if isinstance(node, ast.For):
                self.assign(node.target, self.element(self.value(node.iter, frame)), frame)
            self.maybe(node.body, frame)
            self.maybe(node.orelse, frame)
        elif isinstance(node, ast.With):
            for item in node.items:
                found = self.value(item.context_expr, frame)
                if item.optional_vars:
                    self.assign(item.optional_vars, found, frame)
            return self.run(node.body, frame)
        elif isinstance(node, ast.Try):
            ended = self.run(node.body, frame)
            for handler in node.handlers:
                self.maybe(handler.body, frame)
            self.run(node.orelse + node.finalbody, frame)
            return ended and not node.handlers
        elif isinstance(node, ast.Match):
            for case in node.cases:
                self.maybe(case.body, frame)
        return False

    def maybe(self, body, frame):
        """A body that may run or not."""
        before = dict(frame.names)
        self.unsure += 1
        ended = self.run(body, frame)
        self.unsure -= 1
        if ended:
            frame.names = before
        else:
            frame.names = {n: merge(v, before[n]) if n in before else v for n, v in frame.names.items()}
        return ended

    def branch(self, node, frame):
        taken = self.truth(node.test, frame)
        if taken is not None:
            return self.run(node.body if taken else node.orelse, frame)
        before = dict(frame.names)
        self.unsure += 1
        ended = self.run(node.body, frame)
        first, frame.names = frame.names, dict(before)
        other_ended = self.run(node.orelse, frame)
        self.unsure -= 1
        if other_ended:
            frame.names = first
        elif not ended:
            both = frame.names
            frame.names = {n: merge(first.get(n, []), both.get(n, [])) for n in {**first, **both}}
        return ended and other_ended

    def assign(self, target, values, frame):
        if isinstance(target, ast.Name):
            frame.names[target.id] = values
        elif isinstance(target, ast.Attribute):
            for v in self.value(target.value, frame):
                if isinstance(v, Part):
                    self.set_part(v, target.attr, values)
        elif isinstance(target, ast.Subscript):
            keys = [k.value for k in self.value(target.slice, frame) if isinstance(k, Const)]
            for v in self.value(target.value, frame):
                if isinstance(v, Items) and len(keys) == 1:
                    v.names[keys[0]] = values
                elif isinstance(v, Items):
                    v.items.append(values)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for i, t in enumerate(target.elts):
                self.assign(t, self.unpacked(values, i, len(target.elts), t), frame)

    def unpacked(self, values, i, count, target):
        found = []
        for v in values:
            if isinstance(v, Items) and v.exact and len(v.items) == count:
                found = merge(found, v.items[i])
            elif isinstance(v, Items) and v.is_module:      # start, end, layers = make_layers(...), in any order
                found = merge(found, [OTHER] if re.search("start|end", last(target)) else [v])
            elif isinstance(v, Items):
                found = merge(found, self.element([v]))
            else:
                found = merge(found, [OTHER])
        return found or [OTHER]


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


# -- from a class to its paths


def registry(wheel):
    """{architecture: Class} of what the runtime registers, and the names that have no class here."""
    found, missing = {}, []
    if wheel.name == "vllm":
        tables = wheel.home("vllm/model_executor/models/registry.py").values
        rows = {}
        for name, node in tables.items():
            if name.endswith("_MODELS") and isinstance(node, ast.Dict) and not name.startswith(("_VLLM_", "_PREVIOUSLY", "_OOT")):
                for key, value in zip(node.keys, node.values):
                    if isinstance(key, ast.Constant) and isinstance(value, ast.Tuple):
                        rows[key.value] = [e.value for e in value.elts][:2]
        for name, (module, cls) in rows.items():
            home = wheel.module(module if module.startswith("vllm.") else "vllm.model_executor.models." + module)
            at = home and wheel.named(home, cls)
            if isinstance(at, tuple) and isinstance(at[1], ast.ClassDef):
                found[name] = (home, Class(*at))
            else:
                missing.append(name)
    else:
        for path in sorted(f for f in wheel.files if re.fullmatch(r"sglang/srt/models/(\w+|\w+/__init__)\.py", f)):
            home = wheel.home(path)
            node = home and home.values.get("EntryClass")
            if node is None:
                continue
            for e in node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]:
                at = wheel.named(home, last(e))
                if isinstance(at, tuple) and isinstance(at[1], ast.ClassDef):
                    found[last(e)] = (home, Class(*at))
                else:
                    missing.append(last(e))
    return found, missing


class Model:
    """What one architecture is built of: {path: set of words}, '#' for a number, and what its names come from."""

    def __init__(self, name, home, root, orders):
        self.name, self.file = name, home.path.removesuffix("/__init__.py")
        self.paths, self.models, self.pairs = {}, {}, []
        self.homes, self.orders = {home}, orders
        self.walk(root)
        for home in sorted(self.homes, key=lambda h: h.path):
            if "/layers/" not in home.path:
                self.pairs += [p for p in pairs_of(home) if p not in self.pairs]
        self.pairs += [p for p in JOINED if p not in self.pairs]
        del self.homes, self.orders

    def note(self, path, word):
        self.paths.setdefault(".".join(path), set()).add(word)

    def walk(self, values, path=(), above=()):
        for v in values:
            if isinstance(v, Items) and v.is_module:        # a plain list registers nothing
                for item in v.items:
                    self.walk(item, path + ("#",), above)
                for name, item in v.names.items():
                    self.walk(item, path + (str(name) if not str(name).isdigit() else "#",), above)
            elif isinstance(v, Part):
                self.part(v, path, above)

    def part(self, v, path, above):
        if id(v) in above or len(path) > 16:
            return
        if v.kind == "model":
            self.models.setdefault(".".join(path), set()).update(v.text)
        elif v.kind == "plain":
            self.note(path + ("*",), "float")
        elif v.kind:
            word = v.kind + " " if v.kind in ("head", "embed") else ""
            end = ("*",) if v.kind == "experts" else ()
            for q in v.quant or (NONE,):
                self.note(path + end, word + ("int8" if q is QUANT else "float" if isinstance(q, Const) else "unclear"))
        if v.made_of:
            self.homes |= {base.home for base in self.orders.get(v.made_of, [v.made_of]) if isinstance(base, Class)}
        for name, values in v.parts.items() if not v.kind else ():
            if name != "*":
                self.walk(values, path + (name,), above + (id(v),))
            else:
                self.walk(values, path + ("#",), above + (id(v),))


def scan(path):
    """[Model] of every architecture that a wheel registers, and the names that lead to no class."""
    wheel = Wheel(path)
    found, missing = registry(wheel)
    models, run = [], Interpreter(wheel)
    run.architectures = {name: cls for name, (_, cls) in found.items()}
    for name, (home, cls) in sorted(found.items()):
        words = {"vllm_config": [CARRIER], "prefix": [OTHER]} if wheel.name == "vllm" else \
            {"config": [OTHER], "quant_config": [QUANT]}
        models.append(Model(name, home, run.construct(cls, [], words), run.orders))
    return models, missing


# -- from the runtime's names to the checkpoint's


# What is joined or renamed by code, or by a table of a class that lies elsewhere.
JOINED = [[[part], [whole]] for whole, parts in (
    ("qkv_proj", ("q_proj", "k_proj", "v_proj")), ("gate_up_proj", ("gate_proj", "up_proj")),
    ("fused_qkv_a_proj_with_mqa", ("q_a_proj", "kv_a_proj_with_mqa")), ("fused_qkv_a_proj", ("q_a_proj", "kv_a_proj_with_mqa")))
    for part in parts] + [[["vision_tower"], ["vision_tower", "vision_model"]]]


def text(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def pairs_of(home):
    """[(part of a name in the checkpoint, what the runtime calls it)] of the tables and replacements of one file."""
    if not hasattr(home, "pairs"):
        found = []
        for node in ast.walk(home.tree):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values):
                    if isinstance(value, (ast.List, ast.Tuple)) and value.elts and text(key):
                        if isinstance(value, ast.Tuple) and text(value.elts[0]):        # {old: (new, shard)}
                            found.append((text(key), text(value.elts[0])))
                        elif isinstance(value, ast.List):                               # {new: [old, old]}
                            found += [(text(e), text(key)) for e in value.elts if text(e)]
                    elif text(key) and text(value):
                        found.append((text(key), text(value)))
            elif isinstance(node, ast.List):
                for row in node.elts:                                                   # [(new, old, shard)]
                    if isinstance(row, ast.Tuple) and len(row.elts) > 1 and text(row.elts[0]) and text(row.elts[1]):
                        found.append((text(row.elts[1]), text(row.elts[0])))
            elif isinstance(node, ast.Call) and last(node.func) == "replace" and len(node.args) >= 2:
                if text(node.args[0]) and text(node.args[1]) is not None:
                    found.append((text(node.args[0]), text(node.args[1])))
        home.pairs = []
        for old, new in found:
            if re.fullmatch(r"[\w.]*\w[\w.]*", old) and re.fullmatch(r"[\w.]*\w[\w.]*|", new):
                old, new = (w.strip(".").split(".") if w else [] for w in (old, new))
                if old != new and not {"weight", "bias"} & set(old + new) and [old, new] not in home.pairs:
                    home.pairs.append([old, new])
    return home.pairs


def before(path, pairs):
    """The names, as tuples of parts, that the runtime may have turned into this one; itself first."""
    found = [path]
    for name in found:
        if len(found) > 80:
            break
        for old, new in pairs:
            for i in range(len(name) - len(new) + 1) if new else [len(name) - 1]:   # what is left out stood before the leaf
                if list(name[i:i + len(new)]) == new:
                    other = name[:i] + tuple(old) + name[i + len(new):]
                    twice = any(a == b for a, b in zip(other, other[1:]))
                    if other not in found and len(other) <= len(path) + 3 and not twice:
                        found.append(other)
    return found
