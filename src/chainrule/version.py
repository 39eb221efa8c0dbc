"""`torch.version`: which chainrule this is, and which PyTorch it answers like."""

chainrule = "0.1.0"
torch = "2.13.0"
__version__ = f"{torch}+chainrule.{chainrule}"
debug, cuda, hip, git_version = False, None, None, None
