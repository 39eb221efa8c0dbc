"""Calls with one argument changed, asked of PyTorch and of chainrule: error class, message, result.

    python tools/wrong_calls.py --peer PYTHON [--answers FILE] [--only REGEX] [--record N]

PYTHON has torch. It is asked first which calls of public names with plausible arguments are right;
each of these is then varied: an argument of another type, dtype, shape or spelling, left out, one
too many, a keyword. Both libraries answer all variants, and the answers are counted:

    same            both give the same dtype, shape and numbers, or the same class of error
    silent          PyTorch refuses, chainrule answers
    refused         PyTorch answers, chainrule refuses
    class           another class of error
    other result    both answer, but not the same
    left open       both answer, and differ only where the function leaves the answer open: signs
                    of singular vectors, places of ties
    accident        PyTorch stumbles over the argument (AttributeError in its Python code, say);
                    chainrule says in a TypeError or ValueError what is wrong with it
    bare            a message in the words of Python or NumPy, where PyTorch has others

No random choice is made but by `--record N`, which adds N calls that agree today, spread over the
names, to `tests/data/wrong_calls.json` and `odd_calls.json` (the tests ask them again), drawn with
a fixed seed.
`--answers FILE` keeps PyTorch's answers (they take some minutes), or reads them if it exists.
"""

from __future__ import annotations

import argparse
import collections
import inspect
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from core import wrong_calls  # noqa: E402
from core.asking import first_sentence  # noqa: E402

# ---------------------------------------------------------------- plausible arguments
# F R V Q I B C make tensors (tests/core/wrong_calls.py); P makes parameters, O an optimizer.

ARGUMENTS = """
 | F() | F(), F() | F(), F(), F() | F(), 0 | F(), 1 | F(), 0, 1 | F(), 2 | F(), 0.5 | F(), 0.5, 2.0
F(), 0, I(2,3) | F(), 0, I(2) | F(), 0, I(2,3), F() | F(), I(2,3), F() | F(), 0, I(2), F()
F(), I(1) | F(), I(2,3) | Q() | Q(), Q() | Q(), V() | V(), V() | V() | V(), Q(), V()
Q(), Q(), Q() | Q(), V(), V() | V(), I(3) | F(), I(2) | F(), [3,2] | F(), (0,1) | F(), [0],[1]
F(), [1,1] | F(), torch.float64 | F(), B() | F(), B(), 0.5 | F(), B(), F() | B(), F(), F()
[F(), F()] | [F(), F()], 0 | F(), [F()] | (V(), V()) | V(), V(), 0.5 | F(), 1, 1 | F(), 1, 0
F(), 0, 0, 1 | F(), 0, 0, 1, 1 | F(), F(), 0 | V(), 2 | V(), V(), 1 | F(), torch.float32 | I(2,3)
I(2,3), I(2,3) | I(2,3), 1 | B() | B(), B() | C() | 3 | 2, 3 | [2, 3] | 0., 1., 5 | 1., 5.
5., 1., -1. | F(), 3 | F(), 0, 0 | 'i,i->i', V(), V() | 'ij->ji', F() | R(2,3,4), R(2,4,5)
R(2,2,3), R(2,3,4), R(2,4,5) | R(2,2,5), R(2,2,3), R(2,3,5) | R(1,2,8) | R(1,2,8), 2
R(1,2,8,8) | R(1,2,8,8), 2 | R(1,1,8,8,8) | R(1,1,8,8,8), 2 | R(1,2,8), R(3,2,3)
R(1,2,8,8), R(3,2,3,3) | R(1,1,6,6,6), R(2,1,3,3,3) | R(1,2,8), R(2,3,3)
R(1,2,8,8), R(2,3,3,3) | R(1,4,4,4), 2 | R(1,4,4), 4 | R(4,3), I(4) | I(4), R(5,3) | R(5,3), I(4)
R(2,3), V(3), V(3) | R(2,3,4), 3 | R(2,4,3), 2 | R(2,3), (3,) | R(2,3), R(5,3)
R(2,3), R(5,3), V(5) | R(2,3), R(2,3), R(2) | R(2,3), R(2,3), R(5,3,3) | V(3), V(3), V(3)*0+1
R(2,3), R(2,3), V(2)*0+1 | R(2,3), I(2,3) | R(3), I(1).reshape(()) | R(1,2,4,5), (2,2)
R(1,2,4,5), [1,1] | R(1,2,4), 3 | R(1,2,4), [1,1] | R(1,8,4), (2,2), (2,2)
R(2,2,3,4), R(2,2,3,4), R(2,2,3,4) | R(1,1,4,4), 2, 2 | R(1,2,3,4), R(1,5,6,2)
R(1,2,3), [1,2,4,4] | 2., 3. | 3, F() | F(), 3, F() | F(), F(), 0.5 | R(2,3,4), R(2,3,4)
torch.tensor([3.]), 1 | F(), 2, 0, 1 | V(), I(3), F() | R(4,4), R(4,4) | R(4,3), R(4)
Q(), Q(), V().to(torch.int32) | *torch.linalg.lu_factor(Q()), V().reshape(3,1)
*torch.linalg.lu_factor(Q()) | *torch.linalg.ldl_factor(Q())
V().reshape(3,1), *torch.linalg.lu_factor(Q()) | Q(), 2 | Q(), 'nuc' | R(8), 4, 2
R(8).to(torch.complex64) | R(3,3), R(2) | F(), 0., 1., 2. | 10, 0, 1 | V().reshape(3,1), Q()
torch.tensor([1,2,1]) | F(), torch.tensor([0.1,0.5]) | torch.tensor([0.1,0.5]), F()
F(), 2, 0.5, 1., 2 | F(), 2, 0, 1.0 | F(), F(), 1, 0 | R(2,4,3), R(2,5,3) | (5,), 0.5 | 5
0, 5, (2,) | 0, 10, 5 | 5, 0., 1. | R(3), 'sum' | (3, 4), 2 | F(), F(), 1, 1 | F(), 'abc'
R(3,4,5), I(3,2), torch.tensor([2,2,2]), torch.tensor([1,1,1])
R(6,2,4).log_softmax(-1), torch.ones(2,3,dtype=torch.int64), torch.tensor([6,6]), torch.tensor([3,2])
np.ones((2,3)) | np.ones(3).tobytes() | R(1,2,3,4), 'constant'
"""  # noqa: E501
MADE = """
 | 3 | 2 | 3, 4 | 2, 3, 3 | 1, 2 | 2, 2, 2 | 3, 3, 3 | (2, 2) | [3] | 4, 2 | 2, 2, 3 | 1, 2, 3, 4
0.5 | 0.5, 1. | V() | -1 | 1, (2, 2) | 2, 1 | 8, 2, 8 | torch.nn.Linear(3, 4)
torch.nn.TransformerEncoderLayer(8, 2), 1 | torch.nn.TransformerDecoderLayer(8, 2), 1
10, 5, [2] | [torch.nn.Linear(3, 4)]
"""
OPTIMIZED = "P() | P(), 0.1 | P(), 0.1, 0.9 | P(), 1, 0.9 | [{'params': P(), 'lr': 0.1}]"
SCHEDULED = """
O() | O(), 3 | O(), [1, 2] | O(), 0.9 | O(), lambda e: 0.9 | O(), 0.1, 5 | O(), 0.1, total_steps=5
O(), [torch.optim.lr_scheduler.ConstantLR(O())] | O(), 'min' | O(), 3, 0.5
"""
DRAWN = " | V() | V(), V() | 0.5 | 1., 2. | Q() | V(), Q() | 2, V() | V(), V(), V()"
RECEIVERS = ["F()", "Q()", "V()", "I(2,3)", "B()", "C()", "R(8)", "R(1,2,8,8)", "torch.ones(1)"]

# ---------------------------------------------------------------- what stands in for an argument

FOR_TENSOR = """None; 3; 'a'; [1.0, 2.0]; (F(),); I(2,3); B(); C(); torch.ones(0); torch.tensor(1.5)
torch.ones(5,7); torch.ones(2,3,4,5); np.ones((2,3)); torch.float32; R(2,3,4); F().double()
F().half(); F().bfloat16(); F().int(); F() * float('nan'); torch.ones(0, 3); torch.tensor(2)
torch.nn.Parameter(F()); torch.ones(2, 3) * 0"""
FOR_OTHER = """None; 'a'; 1.5; 7; -9; [0,0]; [9]; F(); torch.float32; True; (); {}; -1; 0; 1e400
float('nan'); np.int64(1); np.float32(0.5); torch.tensor(1); torch.tensor(0.5); (1, 1); [F()]"""
EXTRA = """None; 1; F(); 'a'; None, None, None; 1, 1, 1, 1, 1, 1, 1, 1; foo=1; out='a'; out=1
dtype='a'; dtype=3; dim='a'; dim=9; dim=None; keepdim='a'; input=1; dim=(0,0); dim=1.5; dim=-1
axis=0; keepdim=True; keepdims=True; out=torch.empty(0); out=None; dtype=torch.float64
dtype=torch.int32; dtype=None; dim=(); dim=[0]; out=torch.empty(0, dtype=torch.int64)
generator='a'; requires_grad='a'; device='cpu'; device='a'; inplace=True; reduction='a'"""
KEYWORD = "None; 'a'; -1; 1.5; F(); (1, 2); 0; True; []"
SKIPPED = re.compile(
    r"(^|\.)(set_|manual_seed|seed$|initial_seed|_|fork_rng|resize|data_ptr|const_data_ptr"
    r"|is_set_to|const_data|retain_grad|register_|backward|share_memory|utils\.dlpack|signal|storage"
    r"|untyped_storage|lobpcg|binomial|__)|return_types|LinAlgError"
)
UNSURE = frozenset({"const_data_ptr", "new"})  # PyTorch's own answer varies
UNFILLED = re.compile(r"(^|\.)(empty|new_empty|Tensor$)")  # their numbers mean nothing


def parted(text: str, marks: str) -> list[str]:
    return [part.strip() for part in re.split(f"[{marks}]", text.strip("\n"))]


def arguments(text: str) -> list[str]:
    """The arguments of a call, as texts."""
    found, depth, now, quoted = [], 0, "", False
    for c in text:
        quoted ^= c == "'"
        depth += 0 if quoted else (c in "([{") - (c in ")]}")
        if c == "," and not depth and not quoted:
            found.append(now.strip())
            now = ""
        else:
            now += c
    return [*found, now.strip()] if now.strip() else found


def is_tensor(text: str) -> bool:
    makers = "FVQIRBC"
    return text[0] not in "([" and (
        any(f"{m}(" in text for m in makers) or text.startswith(("torch.tensor", "*", "torch.ones"))
    )


# ---------------------------------------------------------------- variants of a right call


class Call:
    """`before(arguments)`; `group` is the name asked; `keywords` what the function may be called
    with by name, in order."""

    def __init__(self, group: str, before: str, given: list[str], keywords: list[list[str]]):
        self.group, self.before, self.given, self.keywords = group, before, given, keywords

    def text(self, given: Iterable[str]) -> str:
        return f"{self.before}({', '.join(given)})"

    def variants(self) -> Iterator[tuple[str, str]]:
        """(what was changed, the call)."""
        given = self.given
        yield "valid", self.text(given)
        for i, was in enumerate(given):
            tensor = is_tensor(was)
            for new in [*parted(FOR_TENSOR if tensor else FOR_OTHER, ";\n"), *same(was)]:
                yield f"{'tensor' if tensor else 'other'} {new}", self.put(i, new)
            if not was.startswith("*"):
                yield "left out", self.text([*given[:i], *given[i + 1 :]])
        for new in parted(EXTRA, ";\n"):
            yield f"extra {new}", self.text([*given, new])
        for names in self.keywords:
            yield from self.spelled(names)

    def put(self, i: int, new: str) -> str:
        return self.text([*self.given[:i], new, *self.given[i + 1 :]])

    def spelled(self, names: list[str]) -> Iterator[tuple[str, str]]:
        """By keyword from some position on, and each further keyword with values of all kinds."""
        given = self.given
        for i in range(len(given)) if len(names) >= len(given) else ():
            by_name = [f"{n}={v}" for n, v in zip(names[i:], given[i:], strict=False)]
            if not any(v.startswith("*") or "=" in v for v in given[i:]):
                yield "by keyword", self.text([*given[:i], *by_name])
        for name in names[len(given) :]:
            for new in parted(KEYWORD, ";\n"):
                yield f"keyword {new}", self.text([*given, f"{name}={new}"])


def same(text: str) -> list[str]:
    """Other spellings of an argument that mean the same."""
    if re.fullmatch(r"-?\d+", text):
        return [
            f"{text}.0",
            f"np.int64({text})",
            f"torch.tensor({text})",
            f"({text},)",
            f"[{text}]",
        ]
    if re.fullmatch(r"-?\d+\.\d*", text):
        return [f"np.float32({text})", f"torch.tensor({text})", f"np.float64({text})"]
    if re.fullmatch(r"[(\[][\d, ]*[)\]]", text):
        inner = text[1:-1]
        return [f"({inner},)", f"[{inner}]", f"torch.Size([{inner}])", f"np.array([{inner}])"]
    if is_tensor(text) and "*" not in text:
        return [f"{text}.T.contiguous().T"] if "(2,3)" in text or text == "F()" else []
    return []


# ---------------------------------------------------------------- asked in a process of their own


class TooLong(BaseException):
    pass


def stop(*_: Any) -> None:
    raise TooLong


class Asked:
    """One of the two libraries, in this process."""

    def __init__(self, torch: Any):
        self.torch = torch
        self.names = wrong_calls.names(torch)
        parameters = lambda: [torch.nn.Parameter(self.names["F"]())]  # noqa: E731
        self.names["P"] = parameters
        self.names["O"] = lambda: torch.optim.SGD(parameters(), lr=0.1)
        signal.signal(signal.SIGALRM, stop)

    def answer(self, call: str) -> list[Any]:
        """["gives", plain result] or [class, first sentence, where it was raised]."""
        torch = self.torch
        torch.manual_seed(0)
        torch.set_default_dtype(torch.float32)
        signal.setitimer(signal.ITIMER_REAL, 5)
        try:
            value = eval(call, dict(self.names))
            return ["gives", wrong_calls.plain(torch, value, not UNFILLED.search(call))]
        except TooLong:
            return ["too long", ""]
        except BaseException as error:
            return [type(error).__name__, first_sentence(str(error))[:300], whence(error)]
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def whence(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    code = trace.tb_frame.f_code
    return f"{code.co_filename.rpartition('chainrule/')[2]}:{code.co_name}"


def public_names(torch: Any) -> list[list[str]]:
    """[kind, name] of what chainrule declares and what both libraries build on it."""
    from chainrule.core.declare import METHODS
    from chainrule.core.primitive import PUBLIC

    torch.ops  # noqa: B018
    __import__("chainrule.ops").ops.load_all()
    rows = [["function", f"torch.{n}"] for n in PUBLIC] + [["method", n] for n in METHODS]
    rows += [["function", f"torch.nn.init.{n}"] for n in dir(torch.nn.init) if n.endswith("_")]
    for kind, path, base in (
        ("module", "nn", torch.nn.Module),
        ("optimizer", "optim", torch.optim.Optimizer),
        ("scheduler", "optim.lr_scheduler", torch.optim.lr_scheduler.LRScheduler),
        ("distribution", "distributions", torch.distributions.Distribution),
    ):
        room = torch
        for part in path.split("."):
            room = getattr(room, part)
        found = {n: getattr(room, n) for n in dir(room) if n[0].isupper()}
        found = {n: c for n, c in found.items() if isinstance(c, type) and issubclass(c, base)}
        rows += [[kind, f"torch.{path}.{n}"] for n, c in sorted(found.items()) if c is not base]
    return [row for row in rows if not SKIPPED.search(row[1])]


def right_calls(asked: Asked, rows: list[list[str]]) -> Iterator[Call]:
    """At most two right calls of each name, with few and with many arguments."""
    plausible = {
        "function": ARGUMENTS, "module": MADE, "optimizer": OPTIMIZED, "scheduler": SCHEDULED,
        "distribution": DRAWN,
    }  # fmt: skip
    for kind, name in rows:
        right = []
        if kind == "method":
            candidates = [
                (f"{r}.{name}", text[len(r) :].strip(", "))
                for text in parted(ARGUMENTS, "|\n")
                for r in RECEIVERS
                if text == r or text.startswith(r + ", ")
            ]
        else:
            candidates = [(name, text) for text in parted(plausible[kind], "|\n")]
        for before, text in candidates:
            if asked.answer(f"{before}({text})")[0] == "gives":
                right.append(Call(name, before, arguments(text), keywords(asked, kind, name)))
        yield from chosen(right)
        if kind == "module" and name != "torch.nn.Transformer":  # too slow to make
            for made in chosen(right):
                calls = []
                for text in parted(ARGUMENTS, "|\n"):
                    before = made.text(made.given)
                    if text and asked.answer(f"{before}({text})")[0] == "gives":
                        calls.append(Call(f"{name}()", before, arguments(text), []))
                yield from chosen(calls)


def chosen(calls: list[Call]) -> list[Call]:
    if not calls:
        return []
    calls = sorted(calls, key=lambda c: len(c.given))
    few = calls[0]
    more = [c for c in (calls[-1], calls[len(calls) // 2]) if len(c.given) != len(few.given)]
    return [few, *more[:1]]


def keywords(asked: Asked, kind: str, name: str) -> list[list[str]]:
    """Names of the parameters in PyTorch, one list for each form of the function."""
    if kind == "method":
        return []
    try:
        found: Any = eval(name, dict(asked.names))
        signature = inspect.signature(found)
        return [[p.name for p in signature.parameters.values() if p.kind in (1, 3)]]
    except (ValueError, TypeError, AttributeError):
        pass
    forms = getattr(asked.torch.ops.aten, name.rpartition("torch.")[2].replace(".", "_"), None)
    lists = []
    for form in forms.overloads() if forms is not None else ():
        arguments = getattr(forms, form)._schema.arguments
        names = ["input" if a.name == "self" else a.name for a in arguments]
        if "out" not in names and names not in lists:
            lists.append(names)
    return lists


def work(step: str, source: str, target: str) -> None:
    """In the child: write what the step gives as JSON."""
    import resource

    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    given = json.loads(Path(source).read_text("utf-8"))
    os.chdir(tempfile.mkdtemp())
    made: Any
    if step == "names":
        import chainrule

        made = public_names(chainrule)
    elif step == "make":
        import torch

        torch.set_num_threads(1)
        asked = Asked(torch)
        made, seen = [], set()
        for call in right_calls(asked, given):
            for change, text in call.variants():
                if text not in seen:
                    seen.add(text)
                    made.append([call.group, change, text, asked.answer(text)])
    else:
        import chainrule

        made = list(map(Asked(chainrule).answer, given))
    Path(target).write_text(json.dumps(made), encoding="utf-8")


def ask(python: str, step: str, given: Any) -> Any:
    """The step done in a process of `python`."""
    with tempfile.TemporaryDirectory() as room:
        source, target = Path(room) / "given.json", Path(room) / "made.json"
        source.write_text(json.dumps(given), encoding="utf-8")
        command = [python, __file__, "--work", step, str(source), str(target)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads(target.read_text("utf-8"))


# ---------------------------------------------------------------- the comparison

BARE = re.compile(
    r"(?<!numpy.)\bndarray|ufunc|'?_data'?$|has no attribute|np\."
    r"|is not (iterable|subscriptable|callable)"
    r"|unsupported operand|not supported between|could not be broadcast|inhomogeneous|unhashable"
    r"|<lambda>|<locals>|cannot reshape array|truth value|must be real number"
    r"|an integer is required"
    r"|cannot unpack|not enough values|too many values|invalid literal|could not convert"
    r"|index out of bounds|list index|tuple index|NotImplementedType|operands could not|KeyError"
    r"|__\w+__"
)

ACCIDENT = re.compile(
    r"^'[\w.]+' object (has no attribute|is not)|^Boolean value of Tensor with more|to unpack \(exp"
    r"|^The truth value of an empty|^can only concatenate|^unsupported operand|^unhashable type"
    r"|not supported between instances"
)


# Of functions that leave something open, the parts of the result that are determined. (What `gelsy`
# gives for a matrix whose rank it doubts depends on memory that PyTorch does not fill.)
DETERMINED = {
    "svd": [1], "linalg.svd": [1], "svd_lowrank": [1], "pca_lowrank": [1],
    "kthvalue": [0], "topk": [0], "qr": [], "linalg.qr": [], "geqrf": [], "linalg.lstsq": [],
}  # fmt: skip


def shape_of(plain: Any) -> Any:
    """A plain result without its numbers."""
    if isinstance(plain, list) and plain[:1] == ["tensor"]:
        return plain[:3]
    return [shape_of(x) for x in plain] if isinstance(plain, list) else plain


def left_open(group: str, theirs: Any, ours: Any) -> bool:
    """Whether two results differ only in what the function does not determine."""
    parts = DETERMINED.get(group.removeprefix("torch."))
    if parts is None or shape_of(theirs) != shape_of(ours):
        return False
    return all(wrong_calls.close(theirs[i], ours[i]) for i in parts)


def verdict(theirs: list[Any], ours: list[Any], group: str = "") -> str:
    if "too long" in (theirs[0], ours[0]):
        return "too long"
    if theirs[0] == ours[0] == "gives":
        if wrong_calls.close(theirs[1], ours[1]):
            return "same"
        return "left open" if left_open(group, theirs[1], ours[1]) else "other result"
    if ours[0] == "gives":
        return "silent"
    if theirs[0] == "gives":
        return "refused"
    if theirs[0].lstrip("_") != ours[0].lstrip("_"):
        told = ours[0] in ("TypeError", "ValueError") and not BARE.search(ours[1])
        return "accident" if told and ACCIDENT.search(theirs[1]) else "class"
    return "bare" if BARE.search(ours[1]) and not BARE.search(theirs[1]) else "same"


def record(rows: list[tuple[Any, ...]], count: int) -> None:
    """Add calls that agree to the data of the tests, one of each of `count` names: refused ones
    to one file, taken ones with an odd argument to the other."""
    usable = wrong_calls.names(None)
    for path, taken in ((wrong_calls.DATA, False), (wrong_calls.ODD, True)):
        kept = json.loads(path.read_text("utf-8")) if path.exists() else []
        known = {r[0] for r in kept}
        groups: dict[str, list[Any]] = collections.defaultdict(list)
        for group, change, call, theirs, ours in rows:
            if call in known or not set(re.findall(r"\b([A-Z])\(", call)) <= usable.keys():
                continue
            if taken and theirs[0] == "gives" and change != "valid" and UNSURE.isdisjoint([group]):
                groups[group].append([call, theirs[1]])
            elif not taken and theirs[0] not in ("gives", "too long"):
                words = theirs[1] == ours[1] and len(theirs[1]) < 230
                groups[group].append([call, theirs[0], theirs[1] if words else "", words])
        draw = random.Random(4)
        chosen_ = sorted(groups)
        draw.shuffle(chosen_)
        wrong_calls.write(path, sorted(kept + [draw.choice(groups[n]) for n in chosen_[:count]]))


def groups_of(kind: str, rows: list[tuple[Any, ...]]) -> dict[Any, list[tuple[Any, ...]]]:
    """By where chainrule raised, or by name where it raised nothing."""
    found: dict[Any, list[tuple[Any, ...]]] = collections.defaultdict(list)
    for row in rows:
        group, _, _, theirs, ours = row
        key: Any = group
        if kind in ("class", "bare"):
            key = f"{theirs[0]}, here {ours[0]} in {ours[2]}"
        found[key].append(row)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def shown(kind: str, rows: list[tuple[Any, ...]], names: int, each: int) -> None:
    print(f"\n{kind}: {len(rows)}")
    for key, members in list(groups_of(kind, rows).items())[:names]:
        print(f"  {len(members):5} {key}")
        for _, _, call, theirs, ours in members[:: max(1, len(members) // each)][:each]:
            print(f"          {call}\n            PyTorch: {short(theirs)}\n            here:    "
                  f"{short(ours)}")  # fmt: skip


def short(answer: list[Any]) -> str:
    return f"{answer[0]}: {answer[1]}"[:150]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", help="a Python that has torch")
    parser.add_argument("--answers", type=Path, help="file that keeps PyTorch's answers")
    parser.add_argument("--only", default="", help="regular expression on the call")
    parser.add_argument("--kind", default="silent,refused,class,other result,bare")
    parser.add_argument("--show", type=int, default=15, help="groups of each kind to print")
    parser.add_argument("--each", type=int, default=2, help="examples of each group")
    parser.add_argument("--record", type=int, default=0, help="calls to add to the tests' data")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(*given.work)
        return 0
    if given.answers and given.answers.exists():
        cases = json.loads(given.answers.read_text("utf-8"))
    elif given.peer:
        cases = ask(given.peer, "make", ask(sys.executable, "names", None))
        if given.answers:
            given.answers.write_text(json.dumps(cases), encoding="utf-8")
    else:
        parser.error("give --peer, or --answers with a file that exists")
    cases = [c for c in cases if re.search(given.only, c[2])]
    found = ask(sys.executable, "ask", [c[2] for c in cases])
    by_kind: dict[str, list[tuple[Any, ...]]] = collections.defaultdict(list)
    for case, ours in zip(cases, found, strict=True):
        by_kind[verdict(case[3], ours, case[0])].append((*case, ours))
    print(f"{len(cases)} calls; " + ", ".join(f"{k}: {len(v)}" for k, v in by_kind.items()))
    for kind in given.kind.split(","):
        shown(kind, by_kind[kind], given.show, given.each)
    if given.record:
        record(by_kind["same"], given.record)
    return 0


if __name__ == "__main__":
    sys.exit(main())
