# ruff: noqa: E501 (recorded lines)
"""torch.fx: graphs and code as PyTorch 2.13 prints them (recorded here), and what they compute."""

import copy
import math

import pytest

import chainrule as torch
from chainrule import fx, nn
from chainrule.fx.proxy import TraceError


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(3, 4), nn.Linear(4, 2)
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, x: torch.Tensor):
        return torch.tanh(torch.relu(self.fc2(self.fc1(x).relu())) * self.scale)


class Residual(nn.Module):
    def forward(self, x, y=2.0, *, k=None):
        z = torch.cat([torch.relu(x) + x, x], dim=1).view(-1, 2)
        a, b = z.shape
        return {"a": z[0:2, ..., None], "b": (a, -z, 2 - z), "c": [z @ z.t(), z == 1], "y": y * b}


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin, self.seq = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        self.register_buffer("shift", torch.ones(2))

    def forward(self, x):
        return torch.add(self.seq(self.lin(x)) + self.lin.weight, self.shift)


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([Block(), Block()])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x, x.size(0), x.to(torch.float64)


def starred(x, *rest, **named):
    return 2**x.T + rest[0] + named["z"]


MODELS = {
    "mlp": (Mlp, (2, 3)),
    "sequential": (lambda: nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1)), (2, 3)),
    "residual": (Residual, (2, 4)),
    "nested": (Nested, (2, 2)),
    "starred": (lambda: starred, None),
}


# fmt: off
RECORDED = {
    "mlp": (
        """\
graph():
    %x : torch.Tensor [num_users=1] = placeholder[target=x]
    %fc1 : [num_users=1] = call_module[target=fc1](args = (%x,), kwargs = {})
    %relu : [num_users=1] = call_method[target=relu](args = (%fc1,), kwargs = {})
    %fc2 : [num_users=1] = call_module[target=fc2](args = (%relu,), kwargs = {})
    %relu_1 : [num_users=1] = call_function[target=torch.relu](args = (%fc2,), kwargs = {})
    %scale : [num_users=1] = get_attr[target=scale]
    %mul : [num_users=1] = call_function[target=operator.mul](args = (%relu_1, %scale), kwargs = {})
    %tanh : [num_users=1] = call_function[target=torch.tanh](args = (%mul,), kwargs = {})
    return tanh""",
        """\
def forward(self, x : torch.Tensor):
    fc1 = self.fc1(x);  x = None
    relu = fc1.relu();  fc1 = None
    fc2 = self.fc2(relu);  relu = None
    relu_1 = torch.relu(fc2);  fc2 = None
    scale = self.scale
    mul = relu_1 * scale;  relu_1 = scale = None
    tanh = torch.tanh(mul);  mul = None
    return tanh""",
    ),
    "sequential": (
        """\
graph():
    %input_1 : [num_users=1] = placeholder[target=input]
    %_0 : [num_users=1] = call_module[target=0](args = (%input_1,), kwargs = {})
    %_1 : [num_users=1] = call_module[target=1](args = (%_0,), kwargs = {})
    %_2 : [num_users=1] = call_module[target=2](args = (%_1,), kwargs = {})
    return _2""",
        """\
def forward(self, input):
    input_1 = input
    _0 = getattr(self, "0")(input_1);  input_1 = None
    _1 = getattr(self, "1")(_0);  _0 = None
    _2 = getattr(self, "2")(_1);  _1 = None
    return _2""",
    ),
    "residual": (
        """\
graph():
    %x : [num_users=3] = placeholder[target=x]
    %y : [num_users=1] = placeholder[target=y](default=2.0)
    %k : [num_users=0] = placeholder[target=k](default=None)
    %relu : [num_users=1] = call_function[target=torch.relu](args = (%x,), kwargs = {})
    %add : [num_users=1] = call_function[target=operator.add](args = (%relu, %x), kwargs = {})
    %cat : [num_users=1] = call_function[target=torch.cat](args = ([%add, %x],), kwargs = {dim: 1})
    %view : [num_users=7] = call_method[target=view](args = (%cat, -1, 2), kwargs = {})
    %getattr_1 : [num_users=2] = call_function[target=builtins.getattr](args = (%view, shape), kwargs = {})
    %getitem : [num_users=1] = call_function[target=operator.getitem](args = (%getattr_1, 0), kwargs = {})
    %getitem_1 : [num_users=1] = call_function[target=operator.getitem](args = (%getattr_1, 1), kwargs = {})
    %getitem_2 : [num_users=1] = call_function[target=operator.getitem](args = (%view, (slice(0, 2, None), Ellipsis, None)), kwargs = {})
    %neg : [num_users=1] = call_function[target=operator.neg](args = (%view,), kwargs = {})
    %sub : [num_users=1] = call_function[target=operator.sub](args = (2, %view), kwargs = {})
    %t : [num_users=1] = call_method[target=t](args = (%view,), kwargs = {})
    %matmul : [num_users=1] = call_function[target=operator.matmul](args = (%view, %t), kwargs = {})
    %eq : [num_users=1] = call_function[target=operator.eq](args = (%view, 1), kwargs = {})
    %mul : [num_users=1] = call_function[target=operator.mul](args = (%y, %getitem_1), kwargs = {})
    return {'a': getitem_2, 'b': (getitem, neg, sub), 'c': [matmul, eq], 'y': mul}""",
        """\
def forward(self, x, y = 2.0, k = None):
    relu = torch.relu(x)
    add = relu + x;  relu = None
    cat = torch.cat([add, x], dim = 1);  add = x = None
    view = cat.view(-1, 2);  cat = None
    getattr_1 = view.shape
    getitem = getattr_1[0]
    getitem_1 = getattr_1[1];  getattr_1 = None
    getitem_2 = view[(slice(0, 2, None), Ellipsis, None)]
    neg = -view
    sub = 2 - view
    t = view.t()
    matmul = view @ t;  t = None
    eq = view == 1;  view = None
    mul = y * getitem_1;  y = getitem_1 = None
    return {'a': getitem_2, 'b': (getitem, neg, sub), 'c': [matmul, eq], 'y': mul}""",
    ),
    "nested": (
        """\
graph():
    %x : [num_users=1] = placeholder[target=x]
    %layers_0_lin : [num_users=1] = call_module[target=layers.0.lin](args = (%x,), kwargs = {})
    %layers_0_seq_0 : [num_users=1] = call_module[target=layers.0.seq.0](args = (%layers_0_lin,), kwargs = {})
    %layers_0_seq_1 : [num_users=1] = call_module[target=layers.0.seq.1](args = (%layers_0_seq_0,), kwargs = {})
    %layers_0_lin_weight : [num_users=1] = get_attr[target=layers.0.lin.weight]
    %add : [num_users=1] = call_function[target=operator.add](args = (%layers_0_seq_1, %layers_0_lin_weight), kwargs = {})
    %layers_0_shift : [num_users=1] = get_attr[target=layers.0.shift]
    %add_1 : [num_users=1] = call_function[target=torch.add](args = (%add, %layers_0_shift), kwargs = {})
    %layers_1_lin : [num_users=1] = call_module[target=layers.1.lin](args = (%add_1,), kwargs = {})
    %layers_1_seq_0 : [num_users=1] = call_module[target=layers.1.seq.0](args = (%layers_1_lin,), kwargs = {})
    %layers_1_seq_1 : [num_users=1] = call_module[target=layers.1.seq.1](args = (%layers_1_seq_0,), kwargs = {})
    %layers_1_lin_weight : [num_users=1] = get_attr[target=layers.1.lin.weight]
    %add_2 : [num_users=1] = call_function[target=operator.add](args = (%layers_1_seq_1, %layers_1_lin_weight), kwargs = {})
    %layers_1_shift : [num_users=1] = get_attr[target=layers.1.shift]
    %add_3 : [num_users=3] = call_function[target=torch.add](args = (%add_2, %layers_1_shift), kwargs = {})
    %size : [num_users=1] = call_method[target=size](args = (%add_3, 0), kwargs = {})
    %to : [num_users=1] = call_method[target=to](args = (%add_3, torch.float64), kwargs = {})
    return (add_3, size, to)""",
        """\
def forward(self, x):
    layers_0_lin = getattr(self.layers, "0").lin(x);  x = None
    layers_0_seq_0 = getattr(getattr(self.layers, "0").seq, "0")(layers_0_lin);  layers_0_lin = None
    layers_0_seq_1 = getattr(getattr(self.layers, "0").seq, "1")(layers_0_seq_0);  layers_0_seq_0 = None
    layers_0_lin_weight = getattr(self.layers, "0").lin.weight
    add = layers_0_seq_1 + layers_0_lin_weight;  layers_0_seq_1 = layers_0_lin_weight = None
    layers_0_shift = getattr(self.layers, "0").shift
    add_1 = torch.add(add, layers_0_shift);  add = layers_0_shift = None
    layers_1_lin = getattr(self.layers, "1").lin(add_1);  add_1 = None
    layers_1_seq_0 = getattr(getattr(self.layers, "1").seq, "0")(layers_1_lin);  layers_1_lin = None
    layers_1_seq_1 = getattr(getattr(self.layers, "1").seq, "1")(layers_1_seq_0);  layers_1_seq_0 = None
    layers_1_lin_weight = getattr(self.layers, "1").lin.weight
    add_2 = layers_1_seq_1 + layers_1_lin_weight;  layers_1_seq_1 = layers_1_lin_weight = None
    layers_1_shift = getattr(self.layers, "1").shift
    add_3 = torch.add(add_2, layers_1_shift);  add_2 = layers_1_shift = None
    size = add_3.size(0)
    to = add_3.to(torch.float64)
    return (add_3, size, to)""",
    ),
    "starred": (
        """\
graph():
    %x : [num_users=1] = placeholder[target=x]
    %_rest : [num_users=1] = placeholder[target=*rest]
    %_named : [num_users=1] = placeholder[target=**named]
    %getattr_1 : [num_users=1] = call_function[target=builtins.getattr](args = (%x, T), kwargs = {})
    %pow_1 : [num_users=1] = call_function[target=operator.pow](args = (2, %getattr_1), kwargs = {})
    %getitem : [num_users=1] = call_function[target=operator.getitem](args = (%_rest, 0), kwargs = {})
    %add : [num_users=1] = call_function[target=operator.add](args = (%pow_1, %getitem), kwargs = {})
    %getitem_1 : [num_users=1] = call_function[target=operator.getitem](args = (%_named, z), kwargs = {})
    %add_1 : [num_users=1] = call_function[target=operator.add](args = (%add, %getitem_1), kwargs = {})
    return add_1""",
        """\
def forward(self, x, *rest, **named):
    _rest = rest
    _named = named
    getattr_1 = x.T;  x = None
    pow_1 = 2 ** getattr_1;  getattr_1 = None
    getitem = _rest[0];  _rest = None
    add = pow_1 + getitem;  pow_1 = getitem = None
    getitem_1 = _named['z'];  _named = None
    add_1 = add + getitem_1;  add = getitem_1 = None
    return add_1""",
    ),
}
# fmt: on


@fx.wrap
def clipped(x):
    return x if x.sum() > 0 else -x


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.mark.parametrize("name", MODELS)
def test_graph_and_code_are_pytorchs(name):
    traced = fx.symbolic_trace(MODELS[name][0]())
    graph, code = RECORDED[name]
    assert str(traced.graph) == graph.rstrip()
    assert traced.code.strip() == code
    traced.graph.lint()


@pytest.mark.parametrize("name", [n for n in MODELS if MODELS[n][1]])
def test_results_are_those_of_the_module(name):
    model = MODELS[name][0]()
    x = torch.randn(*MODELS[name][1])
    traced = fx.symbolic_trace(model)
    expected = model(x)
    assert same(traced(x), expected)
    assert same(fx.Interpreter(traced).run(x), expected)
    assert same(copy.deepcopy(traced)(x), expected)
    assert same(fx.symbolic_trace(traced)(x), expected)
    assert set(traced.state_dict()) == set(model.state_dict())


def test_gradients_reach_the_parameters():
    model = Mlp()
    fx.symbolic_trace(model)(torch.ones(2, 3)).sum().backward()
    assert model.fc1.weight.grad is not None
    assert model.scale.grad is not None


def test_starred_runs():
    made = fx.symbolic_trace(starred)(torch.zeros(2, 2), 1.0, z=3.0)
    assert same(made, torch.full((2, 2), 5.0))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x if x.sum() > 0 else -x,
        lambda x: x.sum() and x,
        lambda x: not x,
    ],
)
def test_control_flow(function):
    with pytest.raises(
        TraceError, match=r"^symbolically traced variables cannot be used as inputs to control flow"
    ):
        fx.symbolic_trace(function)


def test_a_failed_trace_leaves_modules_as_they_were():
    before = dict(vars(nn.Module))
    with pytest.raises(TraceError, match="cannot be iterated"):
        fx.symbolic_trace(lambda x: list(x))
    assert dict(vars(nn.Module)) == before
    with pytest.raises(RuntimeError, match="'len' is not supported in symbolic tracing"):
        fx.symbolic_trace(lambda x: len(x))


def test_concrete_args():
    traced = fx.symbolic_trace(lambda x, y: x + 1 if y else x, concrete_args={"y": True})
    assert [n.name for n in traced.graph.nodes] == ["x", "y_1", "eq", "_assert", "add", "output"]
    assert traced(torch.ones(1), True).item() == 2
    with pytest.raises(AssertionError, match="y has been specialized to have value True"):
        traced(torch.ones(1), False)


def test_wrapped_functions_are_one_step():
    traced = fx.symbolic_trace(lambda x: clipped(x) * math.sqrt(x.sum()))
    assert [n.name for n in traced.graph.nodes] == [
        "x",
        "clipped",
        "sum_1",
        "sqrt",
        "mul",
        "output",
    ]
    assert 'torch.fx._symbolic_trace.wrap("' in traced.code
    assert traced(torch.tensor([4.0])).item() == 8
    assert math.sqrt(4) == 2
    assert fx.symbolic_trace(traced)(torch.tensor([4.0])).item() == 8


def test_editing_a_graph():
    traced = fx.symbolic_trace(lambda x: torch.relu(x) + torch.sin(x))
    graph = traced.graph
    relu = graph.find_nodes(op="call_function", target=torch.relu)[0]
    with pytest.raises(RuntimeError, match="Tried to erase Node relu but it still had 1 users"):
        graph.erase_node(relu)
    with graph.inserting_before(relu):
        neg = graph.call_method("neg", (relu.args[0],))
    relu.replace_all_uses_with(neg)
    assert [n.name for n in graph.nodes] == ["x", "neg", "relu", "sin", "add", "output"]
    assert graph.eliminate_dead_code()
    assert not graph.eliminate_dead_code()
    assert len(graph.nodes) == 5
    traced.recompile()
    assert traced(torch.zeros(1) + 2).item() == pytest.approx(math.sin(2) - 2)


def test_lint_finds_strangers_and_order():
    graph, other = fx.Graph(), fx.Graph()
    graph.output(other.placeholder("x"))
    with pytest.raises(RuntimeError, match="does not belong to this Graph"):
        graph.lint()
    graph = fx.Graph()
    x = graph.placeholder("x")
    y = graph.call_function(torch.sin, (x,))
    y.append(x)
    with pytest.raises(RuntimeError, match="was used before it has been defined"):
        graph.lint()


def test_in_place_steps_are_not_dead():
    def f(x):
        x.add_(1)
        return 3

    traced = fx.symbolic_trace(f)
    traced.graph.eliminate_dead_code()
    assert [n.op for n in traced.graph.nodes] == ["placeholder", "call_method", "output"]


def test_print_tabular(capsys):
    fx.symbolic_trace(lambda x: x + 1).graph.print_tabular()
    assert capsys.readouterr().out.split()[:5] == ["opcode", "name", "target", "args", "kwargs"]
