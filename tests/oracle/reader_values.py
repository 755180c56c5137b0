"""reader_values.py - what an expression of the source may be, as a list of values"""
import ast

from reader_source import (
    CARRIER, CARRIERS, NONE, OTHER, QUANT, Class, Const, External, flat, Frame, Function, Home,
    Items, last, Mark, merge, no_class, Part, platform, truthy)

LISTS_OF_FLOAT = {"ignore", "ignored_layers", "modules_to_not_convert", "exclude_modules"}


class Values:
    """The expressions; self is the whole interpreter."""

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
