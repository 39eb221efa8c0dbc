"""`torch.fx`: programs as graphs that can be read, changed and run again.

What lives here: nothing but the public names. `node.py` and `graph.py` hold the program,
`_codegen.py` writes it as Python, `graph_module.py` runs it, `proxy.py` and `_symbolic_trace.py`
record it, `interpreter.py` walks it, `subgraph_rewriter.py` changes it; `passes` looks at values.
Who may call: users.
Differs from PyTorch: a function is recorded with the arguments of the call (PyTorch adds the
defaults of `torch.nn.functional`); a pickled GraphModule holds its graph (PyTorch's its code), and
`concrete_args` takes plain values, no nested containers.
"""

from ._symbolic_trace import Tracer, symbolic_trace, wrap
from .graph import Graph
from .graph_module import GraphModule
from .interpreter import Interpreter, Transformer
from .node import Node, has_side_effect, map_arg
from .proxy import Proxy
from .subgraph_rewriter import replace_pattern

__all__ = [
    "Graph",
    "GraphModule",
    "Interpreter",
    "Node",
    "Proxy",
    "Tracer",
    "Transformer",
    "has_side_effect",
    "map_arg",
    "replace_pattern",
    "symbolic_trace",
    "wrap",
]
