"""Programs on modules whose answers PyTorch gave (`record_modules.py`, tests/data/modules.json).

Each calls `see(lambda: ...)`; what it sees, text or error, is the answer. They are compact on
purpose: one line a question.
"""
# ruff: noqa: E501

from __future__ import annotations

import copy
import importlib
import pickle
import re
import warnings
from collections import OrderedDict
from typing import Any

MAKE = """
import torch
def net():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
def seeded(f):
    torch.manual_seed(2)
    return f(nn.Linear(3, 4))
log = []
"""

EXPRESSIONS = [
    "nn.Parameter(torch.ones(2,dtype=torch.int64))",
    "nn.Parameter([1,2])",
    "nn.Parameter()",
    "nn.Parameter(torch.ones(2),False)",
    "nn.Buffer(torch.ones(2))",
    "isinstance(nn.Buffer(torch.ones(2)),nn.Buffer)",
    "isinstance(torch.ones(1),nn.Parameter)",
    "nn.LazyLinear(3).weight.shape",
    "nn.LazyLinear(3)",
    "nn.LazyLinear(3).state_dict()",
    "copy.deepcopy(nn.LazyLinear(3)).weight",
    "nn.LazyLinear(3).weight.share_memory_()",
    "nn.LazyBatchNorm1d()",
    "nn.LazyConv2d(3,2)",
    "nn.LazyBatchNorm1d().running_mean",
    "nn.LazyLinear(3)(torch.ones(2,4)).shape",
    "nn.Sequential(nn.LazyLinear(3),nn.ReLU())",
    "nn.LazyLinear(3).double().weight.dtype",
    "nn.LazyLinear(3).load_state_dict(nn.Linear(2,3).state_dict())",
    "nn.Linear(2,3).load_state_dict(nn.LazyLinear(3).state_dict())",
    "nn.Linear(2,3)(torch.ones(2,3))",
    "nn.Conv2d(3,4,3)(torch.ones(2,2,5,5))",
    "nn.BatchNorm1d(3)(torch.ones(2,3,4,5))",
    "nn.Linear(2.5,3)",
    "nn.ModuleList([3])",
    "nn.Sequential(3)",
    "nn.ModuleDict({'a':3})",
    "nn.ModuleDict([1])",
    "nn.Sequential(nn.ReLU())[3]",
    "nn.ModuleList(3)",
    "nn.Sequential(nn.ReLU()).insert(5,nn.ReLU())",
    "nn.ModuleList([nn.ReLU()]).extend(3)",
    "nn.ModuleDict().update(3)",
    "nn.Sequential(nn.ReLU()).append(3)",
    "nn.Sequential(nn.ReLU())+3",
    "nn.Sequential()*-1",
    "nn.ModuleList()(3)",
    "nn.ModuleDict({'train':nn.ReLU()})",
    "nn.ModuleList([nn.ReLU()])['a']",
    "nn.ParameterList([torch.ones(2),3,'a',nn.Parameter(torch.ones(2,3))])",
    "nn.ParameterDict({'a':torch.ones(2),'b':3})",
    "nn.ParameterDict({'a':torch.ones(2)})|{'c':torch.ones(1)}",
    "nn.ModuleList([nn.Sequential(nn.Linear(2,3)), nn.Linear(2,3), nn.Linear(2,3),nn.Linear(2,3)])",
    "nn.Sequential(OrderedDict(a=nn.ReLU(),b=nn.Tanh()))[1:]",
    "nn.Sequential(nn.ReLU(),nn.Tanh(),nn.GELU()).pop(1)",
    "nn.Sequential(nn.ReLU())*3",
    "nn.Embedding(3,4,padding_idx=5)",
    "nn.EmbeddingBag(3,4,padding_idx=5)",
    "nn.Embedding(3,4,_weight=torch.ones(2,2))",
    "nn.Conv2d(3,4,3,groups=2)",
    "nn.Conv2d(3,4,3,groups=0)",
    "nn.Conv2d(4,3,3,padding='same',stride=2)",
    "nn.ConvTranspose2d(4,3,3,padding_mode='circular')",
    "nn.GroupNorm(3,4)",
    "nn.LSTM(3,4,dropout=2)",
    "nn.LSTM(3,4,proj_size=-1)",
    "nn.LSTM(3,4,proj_size=4)",
    "nn.GRU(3,4,proj_size=2)",
    "nn.LSTM(3,'x')",
    "nn.LSTM(3,4,0)",
    "nn.RNN(3,4,nonlinearity='x')",
    "nn.LSTM(3,4)(torch.ones(2,2,5))",
    "nn.LSTM(3,4)(torch.ones(2,2,2,5))",
    "nn.LSTM(3,4)(torch.ones(2,2,3),(torch.ones(1,2,5),torch.ones(1,2,4)))",
    "nn.LSTM(3,4)(torch.ones(2,2,3),(torch.ones(2,4),torch.ones(1,2,5)))",
    "nn.LSTM(3,4)(torch.ones(2,3),(torch.ones(1,2,4),torch.ones(1,2,4)))",
    "nn.GRU(3,4)(torch.ones(2,2,3),torch.ones(1,3,4))",
    "nn.GRU(3,4)(torch.ones(2,2,3),torch.ones(3,4))",
    "nn.GRU(3,4)(torch.ones(2,3),torch.ones(1,3,4))",
    "nn.LSTM(3,4)(torch.ones(2,2,3).double())",
    "nn.LSTMCell(3,4)(torch.ones(2,2,3))",
    "nn.LSTMCell(3,4)(torch.ones(2,4))",
    "nn.GRUCell(3,4)(torch.ones(2,3),torch.ones(1,2,4))",
    "nn.MultiheadAttention(5,2)",
    "nn.MultiheadAttention(0,2)",
    "nn.Softmax2d()(torch.ones(2))",
    "nn.Unflatten(1,3)",
    "nn.Unflatten('a',(3,))",
    "nn.Dropout(2)",
    "nn.AdaptiveLogSoftmaxWithLoss(4,10,[])",
    "nn.FractionalMaxPool2d(2)",
    "nn.TripletMarginLoss(-1.)",
    "nn.MultiMarginLoss(p=3)",
    "nn.TransformerEncoderLayer(4,2,activation='x')",
    "nn.init.calculate_gain('x')",
    "nn.init.xavier_uniform_(torch.ones(3))",
    "nn.init.kaiming_uniform_(torch.ones(3,3),mode='x')",
    "nn.init.eye_(torch.ones(3))",
    "nn.init.dirac_(torch.ones(3))",
    "nn.init.sparse_(torch.ones(3),.1)",
    "nn.init.orthogonal_(torch.ones(3))",
]

LAYERS = [
    "BatchNorm2d(3)",
    "BatchNorm1d(3,affine=False)",
    "InstanceNorm1d(3)",
    "GroupNorm(2,4)",
    "GroupNorm(2,4,affine=False)",
    "LayerNorm(3)",
    "LayerNorm((3,2),bias=False)",
    "RMSNorm(3)",
    "LocalResponseNorm(2)",
    "CrossMapLRN2d(2)",
    "LSTM(3,4,2,bidirectional=True,dropout=0.2,proj_size=2,batch_first=True,bias=False)",
    "GRU(3,4)",
    "RNN(3,4,nonlinearity='relu')",
    "RNN(3,4,2,'relu')",
    "RNNCell(3,4,bias=False,nonlinearity='relu')",
    "LSTMCell(3,4)",
    "GRUCell(3,4)",
    "Embedding(3,4,padding_idx=1,max_norm=2.,sparse=True)",
    "Embedding(3,4,scale_grad_by_freq=True,norm_type=1)",
    "EmbeddingBag(3,4,max_norm=1,norm_type=1,scale_grad_by_freq=True,padding_idx=0)",
    "Conv1d(2,4,3,padding='same')",
    "Conv2d(2,4,3,padding=1,groups=2,bias=False,padding_mode='circular',dilation=2)",
    "Conv3d(2,2,1)",
    "ConvTranspose1d(2,2,2)",
    "ConvTranspose2d(2,4,3,output_padding=1,stride=2)",
    "ConvTranspose3d(2,2,2)",
    "MultiheadAttention(4,2)",
    "MultiheadAttention(4,2,kdim=3,vdim=2,add_bias_kv=True)",
    "MultiheadAttention(4,2,bias=False)",
    "CrossEntropyLoss(torch.ones(3))",
    "TripletMarginWithDistanceLoss()",
    "AdaptiveLogSoftmaxWithLoss(16,10,[2,5])",
    "TransformerEncoderLayer(4,2,8)",
    "TransformerDecoderLayer(4,2,8)",
    "Transformer(4,2,1,1,8)",
    "SyncBatchNorm(3)",
    "LinearCrossEntropyLoss(3,4)",
    "Linear(2,3)",
    "Linear(2,3,bias=False)",
    "Bilinear(2,3,4)",
    "Identity(3)",
    "Flatten()",
    "Unflatten(1,(2,3))",
    "PReLU(3)",
    "Threshold(1,2)",
    "RReLU()",
    "Hardtanh()",
    "ReLU6()",
    "ReLU(True)",
    "Softplus()",
    "GELU('tanh')",
    "GLU()",
    "LeakyReLU(0.2)",
    "Softmax(1)",
    "Dropout(0.2)",
    "AlphaDropout()",
    "MaxPool2d(2)",
    "MaxUnpool2d(2)",
    "AvgPool1d(2)",
    "AvgPool2d(3,2,1)",
    "LPPool1d(2,3)",
    "FractionalMaxPool2d(2,output_size=2)",
    "AdaptiveAvgPool2d((2,None))",
    "AdaptiveMaxPool1d(2)",
    "ConstantPad1d(2,1.5)",
    "ZeroPad2d(1)",
    "ReflectionPad2d((1,2,3,4))",
    "CircularPad3d(1)",
    "Upsample(scale_factor=2,mode='bilinear')",
    "UpsamplingNearest2d((2,3))",
    "PixelShuffle(2)",
    "PixelUnshuffle(2)",
    "ChannelShuffle(2)",
    "Fold((4,5),2)",
    "Unfold(2)",
    "CosineSimilarity()",
    "PairwiseDistance()",
    "LazyBatchNorm1d()",
    "LazyConv2d(3,2)",
    "LazyConvTranspose1d(3,2)",
    "LazyInstanceNorm2d()",
]

PROGRAMS = {}
PROGRAMS["registration"] = """
m=nn.Linear(2,3)
see(lambda: setattr(m,'weight',torch.ones(2)))
for a in ['a.b','','bias','train','q',3]:
    see(lambda: m.register_parameter(a,None))
    see(lambda: m.register_buffer(a,None))
    see(lambda: m.add_module(a,None))
    see(lambda: m.register_buffer(a,3))
    see(lambda: m.add_module(a,3))
    see(lambda: m.register_parameter(a,torch.ones(2)))
m=nn.Linear(2,3)
for t in ['x.y','x','in_features','weight','','a.b','.']:
    see(lambda: m.get_submodule(t))
    see(lambda: m.get_parameter(t))
    see(lambda: m.get_buffer(t))
    see(lambda: m.set_submodule(t,nn.ReLU()))
m=nn.Linear(2,3)
see(lambda: m.foo)
see(lambda: delattr(m,'foo'))
see(lambda: dir(m)==sorted(set(dir(m)) | set()) )
class M(nn.Module): pass
see(lambda: M()(1))
see(lambda: M(3))
see(lambda: M(a=3))
class M(nn.Module):
    def __init__(self): self.a=nn.Linear(1,1)
see(lambda: M())
class M(nn.Module):
    def __init__(self): self.a=nn.Parameter(torch.ones(1))
see(lambda: M())
class M(nn.Module):
    def __init__(self): self.register_buffer('a',torch.ones(1))
see(lambda: M())
class M(nn.Module):
    def __init__(self): self.a=3
see(lambda: M())
see(lambda: M()(3))
see(lambda: repr(M()))
see(lambda: m.to(torch.int64))
see(lambda: m.cuda())
see(lambda: m.train(3))
see(lambda: m.load_state_dict({'weight':torch.ones(2,2),'q':3}))
see(lambda: m.load_state_dict(3))
see(lambda: m.load_state_dict({'weight':torch.ones(3,2)},strict=False))
see(lambda: m.load_state_dict({'weight':3,'bias':torch.ones(3)}))
see(lambda: m.load_state_dict(m.state_dict()))
see(lambda: m.load_state_dict({'weight':torch.ones(3,2,dtype=torch.int64),'bias':torch.ones(3)},assign=True))
"""

PROGRAMS["hooks"] = """
n=net()
h=[n[0].register_forward_hook(lambda m,a,o: log.append(("f",o.shape)) or o*2), n[1].register_forward_pre_hook(lambda m,a: (a[0]+1,)), n[2].register_full_backward_hook(lambda m,gi,go: log.append(("b",gi,go))), n.register_full_backward_hook(lambda m,gi,go: log.append(("root",gi,go))), n[0].register_full_backward_pre_hook(lambda m,go: (go[0]*3,)), n[1].register_backward_hook(lambda m,gi,go: log.append(("old",gi,go)))]
x=torch.ones(2,2)
y=n(x)
y.sum().backward()
see(lambda: y)
see(lambda: log)
see(lambda: n[0].weight.grad)
for i in h: i.remove()
log.clear()
x=torch.ones(2,2,requires_grad=True)
n=net()
n.register_full_backward_hook(lambda m,gi,go: (gi[0]*10,))
n(x).sum().backward()
see(lambda: x.grad)
see(lambda: n(x).grad_fn)
n=net()
n.register_forward_hook(lambda m,a,k,o: o+k.get('z',0),with_kwargs=True)
see(lambda: n(torch.ones(1,2)))
n=net()
n.register_forward_pre_hook(lambda m,a,k: ((a[0]*2,),{}),with_kwargs=True)
see(lambda: n(torch.ones(1,2)))
n.register_forward_pre_hook(lambda m,a,k: 3,with_kwargs=True)
see(lambda: n(torch.ones(1,2)))
n=net()
log.clear()
n.register_forward_hook(lambda m,a,o: log.append(o),always_call=True)
see(lambda: n(torch.ones(1,3)))
see(lambda: log)
log.clear()
hs=[register_module_forward_hook(lambda m,a,o: log.append(type(m).__name__)),register_module_full_backward_hook(lambda m,gi,go: log.append(("b",type(m).__name__))),register_module_parameter_registration_hook(lambda m,k,p: log.append((type(m).__name__,k))),register_module_module_registration_hook(lambda m,k,p: log.append((type(m).__name__,k))),register_module_buffer_registration_hook(lambda m,k,p: log.append((type(m).__name__,k)))]
n=net()
nn.BatchNorm1d(2)
n(torch.ones(1,2)).sum().backward()
see(lambda: log)
[i.remove() for i in hs]
log.clear()
net()(torch.ones(1,2))
see(lambda: log)
"""

PROGRAMS["state_dict"] = """
class Ex(nn.Module):
    _version=3
    def __init__(self): super().__init__(); self.w=nn.Parameter(torch.ones(1)); self.register_buffer('b',torch.zeros(1)); self.register_buffer('nb',torch.zeros(1),persistent=False); self.s=0
    def get_extra_state(self): return {"s":self.s}
    def set_extra_state(self,st): self.s=st["s"]
e=Ex()
e.s=4
sd=e.state_dict()
see(lambda: sd)
see(lambda: sd._metadata)
f=Ex()
see(lambda: f.load_state_dict(sd))
see(lambda: f.s)
see(lambda: nn.Linear(1,1).load_state_dict(sd))
see(lambda: nn.Sequential(Ex(),nn.Linear(1,1)).load_state_dict(sd))
see(lambda: f.load_state_dict({'w':torch.ones(2)}))
see(lambda: nn.Sequential(Ex(),nn.Linear(1,1)).state_dict(prefix="a.").keys())
n=net()
n.register_state_dict_post_hook(lambda m,sd,p,l: sd.pop('0.bias') and None)
n.register_state_dict_pre_hook(lambda m,p,k: log.append((p,k)))
see(lambda: n.state_dict().keys())
see(lambda: log)
n.register_load_state_dict_post_hook(lambda m,k: k.missing_keys.clear())
see(lambda: n.load_state_dict({}))
n.register_load_state_dict_pre_hook(lambda m,sd,p,*r: log.append((type(m).__name__,p,r)))
see(lambda: n.load_state_dict({}))
see(lambda: log)
n=net()
sd={k:v.double() for k,v in n.state_dict().items()}
n.load_state_dict(sd,assign=True)
see(lambda: n[0].weight.dtype)
see(lambda: type(n[0].weight))
"""

PROGRAMS["copies_and_walks"] = """
n=net()
c=copy.deepcopy(n)
see(lambda: c[0].weight is n[0].weight)
see(lambda: torch.equal(c[0].weight,n[0].weight))
d=pickle.loads(pickle.dumps(n))
see(lambda: torch.equal(d[0].weight,n[0].weight))
see(lambda: type(d[0].weight))
ids=id(n[0].weight)
n.double()
see(lambda: (ids==id(n[0].weight), n[0].weight.dtype))
n.half()
see(lambda: n[0].weight.dtype)
n.bfloat16()
see(lambda: n[0].weight.dtype)
n.float()
n.to(torch.complex64)
see(lambda: n[0].weight.dtype)
n=net()
n.a=n[0]
see(lambda: [k for k,_ in n.named_parameters()])
see(lambda: [k for k,_ in n.named_parameters(remove_duplicate=False)])
see(lambda: [k for k,_ in n.named_modules()])
see(lambda: [k for k,_ in n.named_modules(remove_duplicate=False)])
see(lambda: len(list(n.children())))
see(lambda: n)
n=net()
n.eval()
see(lambda: [m.training for m in n.modules()])
n.requires_grad_(False)
see(lambda: [p.requires_grad for p in n.parameters()])
n.share_memory()
see(lambda: n(torch.ones(1,2)))
n=net()
n(torch.ones(1,2)).sum().backward()
n.zero_grad(set_to_none=False)
see(lambda: n[0].bias.grad)
n.zero_grad()
see(lambda: n[0].bias.grad)
n.apply(lambda m: log.append(type(m).__name__))
see(lambda: log)
"""

PROGRAMS["buffers"] = """
class B(nn.Module):
    def __init__(self): super().__init__(); self.x=nn.Buffer(torch.ones(2)); self.y=nn.Buffer(torch.ones(2),persistent=False); self.l=[nn.Linear(1,1)]; self.n=None
    def extra_repr(self): return "hello\\nworld"
b=B()
see(lambda: b.state_dict())
b.x=torch.zeros(2)
see(lambda: b.state_dict())
see(lambda: setattr(b,'x',3))
b.n=nn.ReLU()
see(lambda: b)
b.n=None
see(lambda: b)
see(lambda: setattr(b,'n',3))
del b.x
see(lambda: list(b.named_buffers()))
see(lambda: sorted(b.__dict__.keys()))
see(lambda: list(nn.Linear(1,1).__dict__))
"""

PROGRAMS["parametrize"] = """
class Sym(nn.Module):
    def forward(self,X): return X.triu()+X.triu(1).T
    def right_inverse(self,A): return A.triu()
m=nn.Linear(3,3)
P.register_parametrization(m,"weight",Sym())
see(lambda: m)
see(lambda: type(m))
see(lambda: list(m.state_dict()))
see(lambda: setattr(m,'weight',nn.Parameter(torch.ones(3,3))))
see(lambda: setattr(m,'weight',torch.ones(3,3)))
see(lambda: m.weight)
see(lambda: P.remove_parametrizations(m,"bias"))
see(lambda: P.register_parametrization(m,"foo",Sym()))
c=copy.deepcopy(m)
see(lambda: (type(c) is type(m),c.weight))
see(lambda: pickle.dumps(m))
see(lambda: P.remove_parametrizations(m,"weight"))
see(lambda: m.weight)
for s in ["X[:1]","3","X.double()"]:
    class Bad(nn.Module):
        def forward(self,X): return eval(s)
    see(lambda: P.register_parametrization(nn.Linear(3,3),"weight",Bad()))

"""

PROGRAMS["parametrizations"] = """
for nm in ("weight_norm","spectral_norm"):
    l=seeded(getattr(PZ,nm))
    see(lambda: l)
    see(lambda: l.state_dict())
    see(lambda: l(torch.ones(1,3)).detach())
    see(lambda: l.weight.detach())
    l.eval()
    see(lambda: l.weight.detach())
for args in [(3,4),(4,3),(3,3)]:
    for mp in ("cayley","householder","matrix_exp"):
        torch.manual_seed(2)
        see(lambda: [round(v,4)+0. for v in PZ.orthogonal(nn.Linear(*args),orthogonal_map=mp).weight.flatten().tolist()])
for nm in ("weight_norm","spectral_norm"):
    l=seeded(getattr(nn.utils,nm))
    see(lambda: l.state_dict())
    see(lambda: l(torch.ones(1,3)))
    see(lambda: getattr(nn.utils,"remove_"+nm)(l).state_dict())
    see(lambda: getattr(nn.utils,"remove_"+nm)(l))
"""

PROGRAMS["prune"] = """
l=seeded(lambda l:l)
prune.random_unstructured(l,'weight',0.3)
see(lambda: l.state_dict())
prune.l1_unstructured(l,'weight',2)
prune.ln_structured(l,'weight',1,2,0)
prune.random_structured(l,'weight',1,1)
see(lambda: l.weight_mask)
see(lambda: l.weight)
see(lambda: prune.is_pruned(l))
prune.remove(l,'weight')
see(lambda: l.state_dict())
see(lambda: prune.remove(l,'weight'))
for a in (1.5,100,'a',-1): see(lambda: prune.l1_unstructured(l,'weight',a))
see(lambda: list(l._parameters))
n=net()
prune.global_unstructured([(n[0],'weight'),(n[2],'weight')],prune.L1Unstructured,amount=4)
see(lambda: n.state_dict())
"""

PROGRAMS["clipping"] = """
l=seeded(lambda l:l)
l(torch.ones(1,3)).sum().backward()
see(lambda: nn.utils.clip_grad_norm_(l.parameters(),1.))
see(lambda: l.weight.grad)
nn.utils.clip_grad_value_(l.parameters(),.1)
see(lambda: l.weight.grad)
see(lambda: nn.utils.get_total_norm([p.grad for p in l.parameters()],float('inf')))
v=nn.utils.parameters_to_vector(l.parameters())
see(lambda: v)
nn.utils.vector_to_parameters(v*2,l.parameters())
see(lambda: l.weight)
see(lambda: nn.utils.vector_to_parameters(3,l.parameters()))
see(lambda: nn.utils.parameters_to_vector([]))
"""

PROGRAMS["packed"] = """
a,b_=torch.arange(6.).reshape(3,2),torch.ones(2,2)
see(lambda: pad_sequence([a,b_]))
p=pack_sequence([b_,a],enforce_sorted=False)
see(lambda: p)
see(lambda: pad_packed_sequence(p,total_length=4,padding_value=-1.))
see(lambda: unpack_sequence(p))
see(lambda: pack_sequence([b_,a]))
see(lambda: pack_padded_sequence(torch.ones(2,2,3),[2]))
see(lambda: pack_padded_sequence(torch.ones(2,2,3),[2,0]))
see(lambda: pad_sequence([a,b_],padding_side='left',batch_first=True))
"""

PROGRAMS["stateless"] = """
see(lambda: torch.func.functional_call(nn.Linear(2,1),{'weight':torch.ones(1,2),'bias':torch.zeros(1)},torch.ones(2)))
ms=[nn.Linear(2,1) for _ in range(3)]
pr,bf=torch.func.stack_module_state(ms)
see(lambda: {k:v.shape for k,v in pr.items()})
base=copy.deepcopy(ms[0])
see(lambda: torch.func.vmap(lambda p,x: torch.func.functional_call(base,p,(x,)),(0,None))(pr,torch.ones(4,2)).shape)
"""


def answers(torch: Any) -> dict[str, list[str]]:
    """What every program sees."""
    found = {"expressions": [], "layers": []}
    space = _space(torch)
    for e in EXPRESSIONS:
        found["expressions"].append(_seen(lambda e=e: eval(e, space)))
    for e in LAYERS:
        found["layers"].append(_seen(lambda e=e: _layer(torch, eval("nn." + e, space))))
    for name, program in PROGRAMS.items():
        seen: list[str] = []
        space = _space(torch)
        space["see"] = lambda f, seen=seen: seen.append(_seen(f))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(MAKE.replace("import torch", "") + program, space)
        found[name] = seen
    return found


def _layer(torch: Any, module: Any) -> Any:
    """How a layer prints, and what it drew."""
    drawn = [
        (k, tuple(v.shape), round(float(v.double().abs().sum()), 3))
        for k, v in module.state_dict().items()
        if "Uninitialized" not in type(v).__name__
    ]
    return f"{module!r} {drawn} {round(float(torch.rand(1)), 4)}"


def _space(torch: Any) -> dict[str, Any]:
    torch.manual_seed(0)
    root = torch.__name__
    space: dict[str, Any] = {"__name__": "programs", "torch": torch, "nn": torch.nn}
    space |= {"copy": copy, "pickle": pickle, "OrderedDict": OrderedDict, "F": torch.nn.functional}
    utils = importlib.import_module(root + ".nn.utils.rnn")
    space |= {name: getattr(utils, name) for name in utils.__all__ if hasattr(utils, name)}
    for short, name in (("P", "parametrize"), ("PZ", "parametrizations"), ("prune", "prune")):
        space[short] = importlib.import_module(f"{root}.nn.utils.{name}")
    module = importlib.import_module(root + ".nn.modules.module")
    space |= {name: getattr(module, name) for name in dir(module) if name.startswith("register_")}
    return space


def _seen(f: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            text = str(f())
        except Exception as error:
            lines = str(error).split("\nHint")[0]
            first = lines if "Error(s)" in lines else lines.partition("\n")[0]
            text = f"{type(error).__name__} | {first}"
    text = text.replace("chainrule.", "torch.").replace("torch.core.tensor.", "torch.")
    text = text.replace("torch.autograd.function.Backward", "Backward")
    return re.sub(r"0x[0-9a-f]+", "0x", text)
