"""Small programs of linear algebra whose printed answer or error PyTorch gives.

`python linalg_programs.py FILE` runs them with the real torch and writes the answers (needs torch).
Used by `test_linalg_recorded.py`; `answer` is what both sides run.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

MATRICES = ["inv", "cholesky", "eigh", "eigvalsh", "eig", "eigvals", "det", "slogdet", "svd",
            "svdvals", "qr", "lu", "lu_factor", "ldl_factor", "pinv", "matrix_exp", "matrix_rank",
            "cond", "inv_ex", "cholesky_ex", "lu_factor_ex", "tensorinv", "matrix_norm",
            "householder_product", "vander", "norm"]  # fmt: skip
TOP = ["cholesky", "qr", "svd", "inverse", "pinverse", "det", "logdet", "slogdet", "lu", "geqrf",
       "matrix_exp", "cholesky_inverse"]  # fmt: skip
BAD = {
    "long": "torch.ones(2, 2, dtype=torch.int64)",
    "half": "torch.ones(2, 2, dtype=torch.float16)",
    "wide": "torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])",
    "vector": "torch.ones(3)",
    "zero": "torch.tensor(1.0)",
    "empty": "torch.ones(0, 0)",
    "nothing": "torch.ones(0, 3, 3)",
    "nan": "torch.full((2, 2), float('nan'))",
    "singular": "torch.zeros(2, 2)",
    "batch": "torch.stack([torch.eye(2), torch.diag(torch.tensor([1.0, -0.0]))])",
    "number": "3.0",
}

# crashes PyTorch, or it answers with an internal error, garbage, or what its LAPACK makes of NaN
SKIPPED = {
    ("eig", "nan"), ("eigvals", "nan"), ("eigh", "nan"), ("eigvalsh", "nan"), ("slogdet", "nan"),
    ("ldl_factor", "nan"), ("ldl_factor", "singular"), ("ldl_factor", "batch"),
    ("matrix_exp", "half"),
}  # fmt: skip

PROGRAMS: dict[str, str] = {}
for _name in MATRICES:
    for _kind, _bad in BAD.items():
        if (_name, _kind) not in SKIPPED:
            PROGRAMS[f"linalg.{_name} {_kind}"] = f"torch.linalg.{_name}({_bad})"
for _name in TOP:
    for _kind, _bad in BAD.items():
        if (_name, _kind) in SKIPPED:
            continue
        PROGRAMS[f"{_name} {_kind}"] = f"torch.{_name}({_bad})"

A = "torch.tensor([[2.0, 1.0], [1.0, 3.0]])"
S = "torch.tensor([[1.0, 2.0], [2.0, 4.0]])"
N = "torch.tensor([[1.0, 2.0], [2.0, 1.0]])"
T = "torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])"
LISTED = f"""
torch.linalg.cholesky({N})
torch.linalg.cholesky(torch.stack([{A}, {N}]))
torch.cholesky({N})
torch.cholesky(torch.stack([{A}, {N}]))
torch.linalg.cholesky_ex({N}).info
torch.linalg.cholesky_ex(torch.stack([{A}, {N}])).info
torch.linalg.cholesky_ex({N}, check_errors=True)
torch.linalg.cholesky_ex({A})
torch.linalg.inv({S} * 0)
torch.linalg.inv(torch.stack([{A}, {S}]))
torch.inverse({S})
torch.linalg.inv_ex({S}).info
torch.linalg.inv_ex({A})
torch.linalg.inv_ex({S}, check_errors=True)
torch.linalg.solve({S}, torch.ones(2))
torch.linalg.solve(torch.stack([{A}, {S}]), torch.ones(2, 2))
torch.linalg.solve_ex({S}, torch.ones(2)).info
torch.linalg.solve_ex({A}, torch.ones(2))
torch.linalg.solve({A}, torch.ones(3))
torch.linalg.solve({A}, torch.ones(3, 2))
torch.linalg.solve(torch.ones(2, 3), torch.ones(3, 2))
torch.linalg.solve({A}, torch.ones(2, dtype=torch.float64))
torch.linalg.solve({A}, torch.ones(2, dtype=torch.int64))
torch.linalg.solve(torch.ones(3, 2, 2), torch.ones(4, 2, 1))
torch.linalg.solve({A}, torch.ones(()))
torch.linalg.solve(torch.ones(3, 2, 2) + torch.eye(2), torch.ones(3, 2))
torch.linalg.solve({A}, torch.tensor([[1.0, 2.0]]), left=False)
torch.linalg.solve_triangular({A}, torch.ones(2, 1), upper=True)
torch.linalg.solve_triangular({A}, torch.ones(2), upper=True)
torch.linalg.solve_triangular({A}, torch.ones(3, 1), upper=True)
torch.linalg.solve_triangular({A}, torch.ones(2, 1))
torch.linalg.solve_triangular(torch.ones(2, 3), torch.ones(2, 1), upper=True)
torch.linalg.solve_triangular({A}, torch.ones(1, 2), upper=False, left=False)
torch.linalg.solve_triangular({A}, torch.ones(1, 2), upper=False, left=False, unitriangular=True)
torch.linalg.solve_triangular({A} * 0, torch.ones(2, 1), upper=True)
torch.triangular_solve(torch.ones(2, 1), {A})
torch.triangular_solve(torch.ones(3, 1), {A})
torch.triangular_solve(torch.ones(2), {A})
torch.triangular_solve(torch.ones(2, 1), {A}, upper=False, transpose=True)
torch.triangular_solve(torch.ones(2, 1, dtype=torch.float64), {A})
torch.cholesky_solve(torch.ones(2, 1), {A})
torch.cholesky_solve(torch.ones(2), {A})
torch.cholesky_solve(torch.ones(3, 1), {A})
torch.cholesky_solve(torch.ones(2, 1), torch.ones(2, 3))
torch.cholesky_inverse({A})
torch.cholesky_inverse({A}, upper=True)
torch.linalg.eigh({A}, UPLO="X")
torch.linalg.eigh({A}, "U")
torch.linalg.eigh({A})
torch.linalg.eigvalsh({A}, "l")
torch.linalg.eigvalsh({A})
torch.linalg.eig(torch.tensor([[0.0, 1.0], [-1.0, 0.0]])).eigenvalues
torch.linalg.eigvals({A})
torch.linalg.qr({T}, mode="full")
torch.linalg.qr({T}, mode="r").Q.shape
torch.linalg.qr({T}, mode="complete").Q.shape
torch.linalg.lu({T})
torch.linalg.lu({T}, pivot=False)
torch.linalg.lu_factor({S} * 0)
torch.linalg.lu_factor_ex({S} * 0)
torch.linalg.lu_factor_ex({S} * 0, check_errors=True)
torch.linalg.lu_factor({T})
torch.linalg.lu_factor({A}, pivot=False)
torch.lu({T}, get_infos=True)
torch.lu({T})
torch.lu_unpack(*torch.lu({T}))
torch.lu_unpack(*torch.lu({T}), unpack_data=False)
torch.lu_unpack(*torch.lu({T}), unpack_pivots=False)
torch.lu_unpack({A}, torch.tensor([1, 2]))
torch.lu_unpack({A}, torch.tensor([1, 7], dtype=torch.int32))
torch.lu_unpack({A}, torch.tensor([1], dtype=torch.int32))
torch.linalg.lu_solve(*torch.linalg.lu_factor({A}), torch.ones(2, 1))
torch.linalg.lu_solve(*torch.linalg.lu_factor({A}), torch.ones(2))
torch.linalg.lu_solve(*torch.linalg.lu_factor({A}), torch.ones(3, 1))
torch.linalg.lu_solve({A}, torch.tensor([1, 2]), torch.ones(2, 1))
torch.linalg.lu_solve({A}, torch.tensor([1], dtype=torch.int32), torch.ones(2, 1))
torch.linalg.lu_solve(*torch.linalg.lu_factor({A}), torch.ones(2, 1, dtype=torch.float64))
torch.linalg.lu_solve(*torch.linalg.lu_factor({A}), torch.ones(1, 2), left=False, adjoint=True)
torch.lu_solve(torch.ones(2, 1), *torch.linalg.lu_factor({A}))
torch.linalg.ldl_factor({A})
torch.linalg.ldl_factor({A} - 2 * torch.eye(2))
torch.linalg.ldl_factor_ex({A})
torch.linalg.ldl_solve(*torch.linalg.ldl_factor({A}), torch.ones(2, 1))
torch.linalg.ldl_solve(*torch.linalg.ldl_factor({A}), torch.ones(2))
torch.linalg.ldl_solve(*torch.linalg.ldl_factor({A}), torch.ones(3, 1))
torch.linalg.ldl_solve({A}, torch.tensor([1.0, 2.0]), torch.ones(2, 1))
torch.linalg.svd({T}).U.shape
torch.linalg.svd({T}, full_matrices=False).S
torch.linalg.svd({T}, driver="gesvd")
torch.svd({T}).V.shape
torch.svd({T}, some=False).U.shape
torch.svd({T}, compute_uv=False)
torch.linalg.svdvals({T})
torch.linalg.det({A})
torch.linalg.slogdet({N})
torch.slogdet({N})
torch.logdet({N})
torch.logdet({A})
torch.linalg.pinv({T})
torch.linalg.pinv({A}, hermitian=True)
torch.linalg.pinv({S})
torch.linalg.pinv({T}, atol=1.0)
torch.linalg.pinv({T}, rtol=0.5)
torch.linalg.pinv({T}, torch.tensor(0.5))
torch.linalg.pinv({T}, hermitian=True)
torch.pinverse({T}, 0.5)
torch.linalg.lstsq({T}, torch.ones(3, 1))
torch.linalg.lstsq({T}, torch.ones(3, 1), driver="gelsd")
torch.linalg.lstsq({T}, torch.ones(3, 1), driver="gels")
torch.linalg.lstsq({T}, torch.ones(3, 1), driver="gelss")
torch.linalg.lstsq({T}, torch.ones(3, 1), driver="what")
torch.linalg.lstsq({T}, torch.ones(2, 1))
torch.linalg.lstsq({T}, torch.ones(3))
torch.linalg.lstsq({T}, torch.ones(3, 1, dtype=torch.float64))
torch.linalg.lstsq(torch.ones(3), torch.ones(3))
torch.linalg.lstsq({T}, torch.ones(()))
torch.linalg.lstsq({S}, torch.ones(2, 1))
torch.linalg.lstsq({T}.mT, torch.ones(2, 1))
torch.linalg.matrix_exp({A})
torch.matrix_exp(torch.zeros(2, 2))
torch.linalg.matrix_power({A}, 3)
torch.linalg.matrix_power({A}, -2)
torch.linalg.matrix_power({A}, 0)
torch.linalg.matrix_power({A}, 1)
torch.linalg.matrix_power({A}, 1.5)
torch.linalg.matrix_power({T}, 2)
torch.linalg.matrix_power(torch.ones(3), 2)
torch.linalg.matrix_power({S}, -1)
torch.linalg.matrix_power(torch.tensor([[1, 2], [3, 4]]), 3)
torch.linalg.matrix_power(torch.tensor([[1, 2], [3, 4]]), -1)
torch.linalg.matrix_rank({S})
torch.linalg.matrix_rank({S}, hermitian=True)
torch.linalg.matrix_rank({A}, atol=1.5)
torch.linalg.matrix_rank({A}, rtol=0.9)
torch.linalg.matrix_rank({A}, 2.0)
torch.linalg.matrix_rank({A}, tol=2.0)
torch.linalg.matrix_rank({A}, torch.tensor([1.0, 5.0]))
torch.linalg.matrix_rank({A}, atol=torch.tensor([1, 2]))
torch.linalg.matrix_rank({T}, hermitian=True)
torch.linalg.matrix_rank({A}, atol=1j)
torch.linalg.cond({A})
torch.linalg.cond({A}, 1)
torch.linalg.cond({A}, "fro")
torch.linalg.cond({A}, "nuc")
torch.linalg.cond({A}, -2)
torch.linalg.cond({S}, 1)
torch.linalg.cond({T}, 1)
torch.linalg.cond({T})
torch.linalg.cond({A}, 3)
torch.linalg.cond({A}, "what")
torch.linalg.cond(torch.ones(0, 0))
torch.linalg.norm({T}, "nuc")
torch.linalg.norm({T}, 2)
torch.linalg.norm({T}, -2)
torch.linalg.norm({T}, "fro")
torch.linalg.norm({T}, 3)
torch.linalg.norm({T}, "what")
torch.linalg.norm(torch.ones(3), "fro")
torch.linalg.norm(torch.ones(3), "nuc")
torch.linalg.norm(torch.ones(2, 2, 2), 2)
torch.linalg.norm(torch.ones(2, 2, 2), 2, dim=(0, 1, 2))
torch.linalg.norm(torch.ones(2, 2, 2), 2, dim=(0, 0))
torch.linalg.norm({T}, 2, dim=1)
torch.linalg.norm({T}, 1, keepdim=True)
torch.linalg.norm({T}, dtype=torch.float64)
torch.linalg.norm({T}, dtype=torch.int64)
torch.linalg.norm({T}.double(), dtype=torch.float32)
torch.linalg.norm({T}, "nuc", dim=0)
torch.linalg.matrix_norm({T}, "nuc", keepdim=True)
torch.linalg.matrix_norm({T}, 2, (1, 0))
torch.linalg.matrix_norm({T}, 3)
torch.linalg.matrix_norm({T}, "inf")
torch.linalg.matrix_norm({T}, dim=(0, 0))
torch.linalg.matrix_norm({T}, dim=(0,))
torch.linalg.matrix_norm({T}, dim=(0, 5))
torch.linalg.matrix_norm(torch.ones(0, 3), 1)
torch.linalg.matrix_norm(torch.ones(0, 3), 2)
torch.linalg.matrix_norm(torch.ones(0, 3), "nuc")
torch.linalg.matrix_norm(torch.ones(0, 3), "fro")
torch.linalg.matrix_norm(torch.ones(0, 3), float("inf"))
torch.linalg.vector_norm(torch.ones(0), 1)
torch.linalg.vector_norm(torch.ones(0), float("inf"))
torch.norm({T}, "nuc")
torch.norm({T}, "nuc", dim=(0, 1))
torch.norm({T}, "nuc", dim=0)
torch.norm({T}, "what")
torch.norm({T}, p="fro", dim=1)
torch.norm(torch.ones(2, 2, 2), "nuc")
torch.norm(torch.ones(3), "nuc")
torch.nuclear_norm({T})
torch.linalg.multi_dot([{A}, {A}, torch.ones(2)])
torch.linalg.multi_dot([torch.ones(2), {A}, torch.ones(2)])
torch.linalg.multi_dot([{A}, {T}, {A}])
torch.linalg.multi_dot([{A}])
torch.linalg.multi_dot([])
torch.linalg.multi_dot([torch.ones(2), torch.ones(2)])
torch.linalg.multi_dot([{A}, torch.ones(2), {A}])
torch.linalg.multi_dot([{A}, {A}.double()])
torch.linalg.multi_dot([torch.ones(2, 2, 2), {A}])
torch.chain_matmul({A}, {A})
torch.linalg.tensorinv(torch.eye(4).reshape(2, 2, 4), ind=2).shape
torch.linalg.tensorinv(torch.eye(4).reshape(2, 2, 4), ind=1)
torch.linalg.tensorinv(torch.eye(4).reshape(2, 2, 4), ind=0)
torch.linalg.tensorinv(torch.zeros(4, 2, 2), ind=1)
torch.linalg.tensorsolve(torch.eye(4).reshape(2, 2, 4), torch.ones(2, 2))
torch.linalg.tensorsolve(torch.eye(4).reshape(2, 2, 2, 2), torch.ones(2, 2), dims=(0, 2)).shape
torch.linalg.tensorsolve(torch.ones(2, 3, 4), torch.ones(2, 3))
torch.linalg.vander(torch.tensor([1.0, 2.0, 3.0]))
torch.linalg.vander(torch.tensor([1, 2, 3]), N=2)
torch.linalg.vander(torch.tensor([1.0, 2.0, 3.0]), N=1)
torch.linalg.vander(torch.tensor(1.0))
torch.linalg.vander(torch.ones(2, 2))
torch.vander(torch.tensor([1, 2, 3]))
torch.vander(torch.tensor([1.0, 2.0]), N=4, increasing=True)
torch.vander(torch.tensor([1.0, 2.0]), N=0)
torch.vander(torch.ones(2, 2))
torch.vander(torch.tensor([1.0, 2.0]), N=-1)
torch.linalg.vecdot(torch.ones(3), torch.ones(2))
torch.linalg.vecdot(torch.ones(3), torch.ones(3, dtype=torch.float64))
torch.linalg.vecdot(torch.ones(3, dtype=torch.int64), torch.ones(3, dtype=torch.int64))
torch.linalg.vecdot(torch.ones(2, 3), torch.ones(3))
torch.linalg.vecdot(torch.ones(2, 3), torch.ones(2, 1), dim=0)
torch.linalg.vecdot(torch.ones(2, 3), torch.ones(2, 3), dim=5)
torch.linalg.vecdot(torch.ones(2, 3) + 1j, torch.ones(2, 3) + 2j)
torch.linalg.diagonal({T})
torch.linalg.diagonal(torch.ones(3))
torch.linalg.cross(torch.ones(2), torch.ones(2))
torch.geqrf({T})
torch.orgqr(*torch.geqrf({T}))
torch.linalg.householder_product(torch.ones(2, 3), torch.ones(2))
torch.linalg.householder_product(torch.ones(3, 2), torch.ones(3))
torch.linalg.householder_product(torch.ones(3, 2), torch.ones(2, dtype=torch.float64))
torch.linalg.householder_product(torch.ones(3, 2), torch.ones(4, 2))
torch.linalg.householder_product(torch.ones(3), torch.ones(2))
torch.ormqr(*torch.geqrf({T}), torch.ones(3, 1))
torch.ormqr(*torch.geqrf({T}), torch.ones(1, 3), left=False, transpose=True)
torch.ormqr(*torch.geqrf({T}), torch.ones(2, 1))
torch.ormqr(torch.ones(3), torch.ones(1), torch.ones(3, 1))
torch.ormqr(torch.ones(3, 2), torch.ones(3), torch.ones(3, 1))
torch.ormqr(torch.ones(3, 2), torch.ones(2), torch.ones(3, 1).double())
torch.lobpcg({A}, 1)
torch.lobpcg(torch.diag(torch.arange(1.0, 10.0)), 2)[0]
torch.lobpcg(torch.diag(torch.arange(1.0, 10.0)), 2, largest=False)[0]
torch.svd_lowrank({T}, 2)[1]
torch.svd_lowrank({T}, 5)
torch.pca_lowrank({T}, 2)[1]
torch.pca_lowrank({T}, 9)
torch.svd_lowrank(torch.ones(3), 1)
torch.linalg.LinAlgError.__mro__[1:3]
issubclass(torch.linalg.LinAlgError, RuntimeError)
""".strip().splitlines()
PROGRAMS |= {line: line for line in LISTED}

G = "torch.tensor([[2.0, 1.0], [1.0, 3.0]], requires_grad=True)"
W = "torch.tensor([[1.0, 2.0, 3.0], [2.0, 1.0, 7.0]], requires_grad=True)"
C = "torch.tensor([[2.0, 1.0j], [-1.0j, 3.0]], requires_grad=True)"
for _line in f"""
torch.linalg.qr({W}.mT, "r").R.sum().backward()
torch.linalg.qr({W}.mT, "complete").R.sum().backward()
torch.linalg.qr({W}.mT, "complete").Q.sum().backward()
torch.linalg.eigh({C}).eigenvectors.sum().abs().backward()
torch.linalg.eig({G}).eigenvectors.sum().abs().backward()
torch.linalg.eig({C}).eigenvectors.sum().abs().backward()
torch.linalg.svd({C}).U.sum().abs().backward()
torch.linalg.svd({W}).Vh.sum().backward()
torch.linalg.svd({W}.mT).U.sum().backward()
torch.linalg.ldl_factor({G}).LD.sum().backward()
torch.geqrf({G}).a.sum().backward()
torch.svd({G}, compute_uv=False).U.sum().backward()
torch.linalg.slogdet(torch.zeros(2, 2, requires_grad=True)).logabsdet.backward()
torch.linalg.lu({W}).L.sum().backward()
torch.cholesky({G}).sum()
torch.linalg.eigvalsh({G})
torch.linalg.inv({G})
torch.linalg.lstsq({W}, {G}, driver="gelsd").solution
torch.autograd.grad(torch.linalg.det((S := torch.zeros(2, 2, requires_grad=True))), S)
torch.autograd.grad(torch.linalg.det((S := torch.ones(3, 3, requires_grad=True))), S)[0].abs()
torch.autograd.grad(torch.linalg.cholesky((S := {G})).sum(), S)
torch.autograd.grad(torch.linalg.eigvalsh((S := torch.eye(2, requires_grad=True))).sum(), S)
torch.autograd.grad(torch.linalg.eigh((S := torch.eye(2, requires_grad=True)))[0].sum(), S)
torch.autograd.grad(torch.linalg.svdvals((S := torch.eye(2, requires_grad=True))).sum(), S)
torch.autograd.grad(torch.linalg.matrix_norm((S := torch.zeros(2, 2, requires_grad=True)), 2), S)
torch.autograd.grad(torch.linalg.matrix_norm((S := torch.zeros(2, 2, requires_grad=True)), 'nuc'), S)
torch.autograd.grad(torch.cholesky_inverse((S := {G})).sum(), S)
torch.autograd.grad(torch.cholesky_inverse((S := {G}), True).prod(), S)
torch.autograd.grad(torch.cholesky_solve(torch.tensor([[1.0], [3.0]]), (S := {G})).sum(), S)
torch.autograd.grad(torch.cholesky_solve(torch.tensor([[1.0], [3.0]]), (S := {G}), True).prod(), S)
torch.autograd.grad(torch.linalg.lstsq((S := {G}), torch.ones(2, 1))[0].sum(), S)
torch.autograd.grad(torch.linalg.lstsq((S := {W}.mT), torch.ones(3, 1), driver='gels').residuals, S, allow_unused=True)
torch.autograd.grad(torch.linalg.pinv((S := {W})).prod(), S)
torch.autograd.grad(torch.linalg.cond((S := {G})), S)
torch.autograd.grad(torch.triangular_solve(torch.ones(2, 1), (S := {G}))[1].prod(), S)
torch.autograd.grad(torch.linalg.solve_triangular((S := {G}), torch.ones(2, 1), upper=False).prod(), S)
torch.autograd.grad(torch.linalg.householder_product((S := {G}), torch.tensor([1.2, 0.7])).prod(), S)
""".strip().splitlines():
    PROGRAMS[_line] = _line


def answer(torch: Any, line: str) -> list[str]:
    """What a program prints, or the class and first line of its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ["value", repr(eval(line, {"torch": torch}))]
        except Exception as error:
            kind = "LinAlgError" if "LinAlgError" in type(error).__name__ else type(error).__name__
            return [kind, str(error).splitlines()[0]]


if __name__ == "__main__":
    import torch

    found = {name: answer(torch, line) for name, line in PROGRAMS.items()}
    with open(sys.argv[1], "w") as file:
        json.dump(found, file, indent=0)
        file.write("\n")
