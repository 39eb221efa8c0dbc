"""Several threads: modes of their own, backward at the same time."""

from __future__ import annotations

import threading
from typing import Any


def _run(functions: Any) -> list[Any]:
    """Each function in a thread of its own, all at once; what they returned."""
    found: list[Any] = [None] * len(functions)
    gate = threading.Barrier(len(functions))

    def work(i: int) -> None:
        gate.wait()
        try:
            found[i] = functions[i]()
        except Exception as error:
            found[i] = error

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(functions))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return found


def one_graph_retained(torch):
    x = torch.linspace(0, 1, 100).requires_grad_()
    y = (x * x).sin().sum()
    _run([lambda: [y.backward(retain_graph=True) for _ in range(10)] and None] * 4)
    return x.grad[:3], x.grad[-1]


def shared_leaf(torch):
    x = torch.ones(5, requires_grad=True)
    _run([lambda k=k: [(x * k).sum().backward() for _ in range(20)] and None for k in range(1, 5)])
    return x.grad


def graphs_of_their_own(torch):
    def work(k):
        x = torch.full((3,), float(k), requires_grad=True)
        (x**3).sum().backward()
        return x.grad

    return _run([lambda k=k: work(k) for k in range(4)])


def grad_mode_is_the_threads_own(torch):
    x = torch.ones(1, requires_grad=True)
    with torch.no_grad():
        inside = _run([lambda: (torch.is_grad_enabled(), (x * 2).requires_grad)])
        here = (x * 2).requires_grad
    torch.set_grad_enabled(True)
    return inside, here


def hooks_in_threads(torch):
    seen = []
    lock = threading.Lock()
    x = torch.ones(3, requires_grad=True)

    def note(g):
        with lock:
            seen.append(g.sum().item())

    x.register_hook(note)
    y = (x * 2).sum()
    _run([lambda: y.backward(retain_graph=True)] * 4)
    return sorted(seen), x.grad


def errors_stay_in_their_thread(torch):
    def fails():
        torch.ones(1).backward()

    def works():
        x = torch.ones(1, requires_grad=True)
        (x * 3).backward()
        return x.grad

    first, second = _run([fails, works])
    return first, second


def the_switch(torch):
    seen = []
    with torch.autograd.set_multithreading_enabled(False):
        x = torch.ones(2, requires_grad=True)
        (x * 2).sum().backward()
        seen.append(x.grad)
    torch.autograd.set_multithreading_enabled(True)
    return seen
