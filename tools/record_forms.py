"""The forms of functions that PyTorch reads in C, as one small table.

    python tools/record_forms.py --peer PYTHON

PYTHON has torch. Writes `src/chainrule/core/forms.txt`, which `core/forms.py` reads when a call has
failed: which arguments each function takes, and of which types. The forms of an overloaded function
are read off its own error message; how many elements stand behind one number, and where None is
allowed, off the schemas. `tools/wrong_calls.py` then counts where a call fares otherwise.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

torch: Any = None  # imported in the process that has it

TARGET = Path(__file__).resolve().parents[1] / "src/chainrule/core/forms.txt"
CODES = {
    "Tensor": "T", "tuple of Tensors": "Q", "Number": "N", "int": "i", "tuple of ints": "I",
    "float": "f", "tuple of floats": "F", "bool": "b", "str": "s", "torch.dtype": "t",
    "torch.layout": "l", "torch.device": "d", "torch.memory_format": "m", "torch.Generator": "g",
    "tuple of Scalars": "S", "tuple of bools": "B", "complex": "c",
}  # fmt: skip  # of everything else: o
OF_SCHEMA = {
    "Tensor": "T", "number": "N", "Scalar": "N", "int": "i", "SymInt": "i", "float": "f",
    "bool": "b", "str": "s", "ScalarType": "t", "Layout": "l", "Device": "d", "MemoryFormat": "m",
    "Generator": "g", "List[Tensor]": "Q", "List[Optional[Tensor]]": "Q", "List[int]": "I",
    "List[SymInt]": "I", "List[float]": "F", "List[number]": "S", "List[bool]": "B", "complex": "c",
}  # fmt: skip
# What is read by hand in C, or has forms that only TorchScript knows.
APART = {
    "tensor", "as_tensor", "asarray", "from_numpy", "frombuffer", ".new", ".copy_", "to_dlpack",
    ".type",
}  # fmt: skip
# Take a number where a tensor is wanted.
MIXED = {
    *"add sub mul div multiply subtract divide true_divide floor_divide".split(),
}
# Older orders of the arguments, still taken and never shown.
HIDDEN = {
    **{n: ["A input, N alpha, A other, *, T? out="] for n in ("add", "sub")},
    **{n: ["T input, N value, T tensor1, T tensor2, *, T? out="] for n in ("addcmul", "addcdiv")},
    **{
        name: [f"N beta, T input, {alpha}T {a}, T {b}" for alpha in ("N alpha, ", "")]
        for name, a, b in [
            ("addbmm", "batch1", "batch2"), ("addmm", "mat1", "mat2"), ("addmv", "mat", "vec"),
            ("addr", "vec1", "vec2"), ("baddbmm", "batch1", "batch2"),
        ]
    },
}  # fmt: skip
PLAUSIBLE = {"N": 1, "i": 1, "I": [1], "f": 1.0, "F": [1.0], "b": False, "s": "a", "S": [1]}
NATIVE = ("builtin_function_or_method", "method_descriptor", "method-wrapper")


class Parameter:
    def __init__(self, name: str, code: str, none: bool, left_out: bool, keyword: bool):
        self.name, self.code, self.none = name, code, none
        self.left_out, self.keyword = left_out, keyword

    def text(self) -> str:
        return f"{self.code}{'?' * self.none} {self.name}{'=' * self.left_out}"


def of_message(line: str) -> list[Parameter]:
    """(Tensor input, *, torch.dtype dtype = None)"""
    found, keyword = [], False
    for part in line[line.index("(") + 1 : line.rindex(")")].split(", "):
        if part == "*":
            keyword = True
        elif part:
            typed, _, default = part.partition(" = ")
            kind, _, name = typed.rpartition(" ")
            none = default == "None" or name == "pin_memory"
            found.append(Parameter(name, CODES.get(kind, "o"), none, "=" in part, keyword))
    return found


def schemas(name: str) -> list[Any]:
    packet = getattr(torch.ops.aten, name, None)
    found = [getattr(packet, o)._schema for o in packet.overloads()] if packet else []
    found = [s for s in found if "Dimname" not in str(s) and s.overload_name != "hacked_twin"]
    found = [s for s in found if all(map(readable, s.arguments))]
    found = [s for s in found if not any(a.is_out and a.kwarg_only for a in s.arguments)]
    native = [s for s in found if "Tensor" in str(s).partition("->")[0]]
    return native or [s for s in found if str(s).endswith("-> Tensor")]


def readable(argument: Any) -> bool:
    """Not one of the forms that only TorchScript has."""
    text = str(argument.type)
    inner = re.fullmatch(r"Optional\[(.*)\]", text)
    return (inner[1] if inner else text) in OF_SCHEMA


def bare_type(argument: Any) -> tuple[str, bool]:
    text = str(argument.type)
    inner = re.fullmatch(r"Optional\[(.*)\]", text)
    code = OF_SCHEMA[inner[1] if inner else text]
    exact = str(argument.real_type) if hasattr(argument, "real_type") else text
    exact = exact.removeprefix("Optional[").removesuffix("]") if inner else exact
    code = {"ScalarType": "t", "Layout": "l", "Device": "d", "MemoryFormat": "m"}.get(exact, code)
    return code + (str(argument.N) if code == "I" and argument.N else ""), bool(inner)


def of_schema(schema: Any, method: bool) -> list[Parameter]:
    found, made = [], False
    for a in schema.arguments:
        code, none = bare_type(a)
        name = "input" if a.name == "self" and not method else a.name
        if a.name == "self" and method:
            continue
        made |= a.name == "pin_memory"
        left_out = a.has_default_value()
        none |= a.name == "pin_memory" or (a.has_default_value() and a.default_value == [])
        if a.name in ("dtype", "layout", "device", "pin_memory") and a.kwarg_only:
            left_out = True
        found.append(Parameter(name, code, none, left_out, a.kwarg_only))
    if made:
        found.append(Parameter("requires_grad", "b", False, True, True))
    return found


def with_sizes(form: list[Parameter], known: list[Any]) -> list[Parameter]:
    """Sizes and None, which messages do not tell."""
    for p in form:
        for schema in known:
            for a in schema.arguments:
                if a.name == p.name and bare_type(a)[0][0] == p.code[0]:
                    code, none = bare_type(a)
                    p.code = max(p.code, code, key=len)
                    p.none |= none or (a.has_default_value() and a.default_value == [])
    return form


def forms(function: Any, first: list[Any], method: bool) -> list[list[Parameter]] | None:
    name = ""
    for count in range(8):
        for keywords in ({}, {"foo": object()}):
            try:
                function(*first, *[object()] * count, **keywords)
            except Exception as error:
                head, *lines = str(error).split("\n")
                made = re.match(r"(\w+)\(\)", head.removeprefix("Tensor."))
                name = made[1] if made else name
                if "expected one of:" in head:
                    lines = [line for line in lines if line.startswith(" * (")]
                    return [with_sizes(of_message(line), schemas(name)) for line in lines]
    if name == "":
        name = getattr(function, "__name__", "")
    result: list[list[Parameter]] = []
    for s in schemas(name):
        form = of_schema(s, method)
        if [p.name for p in form] not in [[p.name for p in f] for f in result]:
            result.append(form)  # else the same with a number where that one has a tensor
    for form in result:
        if not method and (code := code_of_out(function, form)):
            form.append(Parameter("out", code, True, True, True))
    return result


def code_of_out(function: Any, form: list[Parameter]) -> str:
    """T or Q if the form takes `out=`, asked with arguments that are right besides."""
    needed = [p for p in form if not p.left_out]
    x = torch.ones(2, 2)
    right = PLAUSIBLE | {"T": x, "A": x, "Q": [x]}
    try:
        args = [right[p.code[0]] for p in needed if not p.keyword]
        function(*args, **{p.name: right[p.code[0]] for p in needed if p.keyword}, out="a")
    except (TypeError, KeyError) as error:
        if "argument 'out' must be" in str(error):
            return "Q" if "tuple" in str(error) else "T"
    return ""


def same(base: list[list[Parameter]], method: list[list[Parameter]]) -> bool:
    """Whether the method has the forms of the function, without its first argument and `out`."""
    return line("", [[p for p in f[1:] if p.name != "out"] for f in base]) == line("", method)


def line(name: str, found: list[list[Parameter]]) -> str:
    rows = []
    for form in found:
        for p in form:
            if p.code == "T" and p.name != "out" and name.strip("._") in MIXED:
                p.code = "A"
        parts = [p.text() for p in form if not p.keyword]
        by_name = [p.text() for p in form if p.keyword]
        rows.append(", ".join([*parts, *(["*"] if by_name else []), *by_name]))
    rows += [f"~{text}" for text in HIDDEN.get(name, ())]
    return f"{name}: " + " | ".join(rows)


def work(names: list[list[str]]) -> str:
    """The table for these [kind, name]."""
    warnings.simplefilter("ignore")
    table: dict[str, list[list[Parameter]]] = {}
    for kind, name in sorted(names):
        method = kind == "method"
        if kind not in ("function", "method"):
            continue
        found: Any = torch.Tensor if method else torch
        for part in name.removeprefix("torch.").split("."):
            found = getattr(found, part, None)
        key = f".{name}" if method else name.removeprefix("torch.")
        if type(found).__name__ not in NATIVE or key in APART:
            continue
        if made := forms(found, [torch.ones(2, 3)] if method else [], method):
            table[key] = made
    for name in [n for n in table if n.startswith(".")]:
        base = table.get(name[1:]) or table.get(name[1:].removesuffix("_"))
        if base and all(f[0].code == "T" for f in base) and same(base, table[name]):
            del table[name]  # `core/forms.py` makes it of the function's
    return "".join(line(n, f) + "\n" for n, f in sorted(table.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description="Record the forms of PyTorch's functions.")
    parser.add_argument("--peer", help="a Python that has torch")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        global torch
        torch = __import__("torch")
        TARGET.write_text(work(json.loads(given.work.read_text("utf-8"))), "utf-8")
        return 0
    import wrong_calls

    with tempfile.TemporaryDirectory() as room:
        names = Path(room) / "names.json"
        names.write_text(json.dumps(wrong_calls.ask(sys.executable, "names", None)), "utf-8")
        command = [given.peer, __file__, "--work", str(names)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
