"""`torch.hub`: fetching programs and weights from the net is refused; the cache folder is known."""

from __future__ import annotations

import os
from typing import Any, NoReturn

__all__ = [
    "download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url",
    "set_dir",
]  # fmt: skip

_dir: str | None = None


def _refuse(name: str) -> NoReturn:
    raise NotImplementedError(
        f"torch.hub.{name}: chainrule fetches nothing from the net\n"
        "Hint: download the file yourself and torch.load(path) it"
    )


def get_dir() -> str:
    """The folder for downloads: as set, else $TORCH_HOME/hub, else ~/.cache/torch/hub.

    Example:
        >>> import chainrule as torch
        >>> torch.hub.get_dir().endswith("hub")
        True
    """
    if _dir is not None:
        return _dir
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    home = os.getenv("TORCH_HOME", os.path.join(cache, "torch"))
    return os.path.join(os.path.expanduser(home), "hub")


def set_dir(d: Any) -> None:
    """Choose the folder for downloads."""
    global _dir
    _dir = os.path.expanduser(d)


def load(repo_or_dir: Any, model: str, *args: Any, **kwargs: Any) -> Any:
    """Refuses: nothing is fetched from the net."""
    _refuse("load")


def list(github: Any, *args: Any, **kwargs: Any) -> Any:
    """Refuses: nothing is fetched from the net."""
    _refuse("list")


def help(github: Any, model: str, *args: Any, **kwargs: Any) -> Any:
    """Refuses: nothing is fetched from the net."""
    _refuse("help")


def load_state_dict_from_url(url: str, *args: Any, **kwargs: Any) -> Any:
    """Refuses: nothing is fetched from the net."""
    _refuse("load_state_dict_from_url")


def download_url_to_file(url: str, dst: str, *args: Any, **kwargs: Any) -> Any:
    """Refuses: nothing is fetched from the net."""
    _refuse("download_url_to_file")
