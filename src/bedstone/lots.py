"""Lots drawn by hash: which documents are taken, which are held out, which come first.

A lot is a function of a document's id and of what it is drawn for. So a document keeps it when
others come or go; lots for two purposes are independent; and of two shares for one purpose the
smaller is a part of the larger.
"""

import hashlib


def lot(document: str, purpose: str) -> float:
    """A number in [0, 1), evenly distributed over documents."""
    digest = hashlib.sha256(f"{purpose}\0{document}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48  # 48 bits: a float holds them exactly


def is_held_out(document: str, share: float, purpose: str = "held out") -> bool:
    """Whether the document with this id is among the ``share`` that is not trained on."""
    return lot(document, purpose) < share
