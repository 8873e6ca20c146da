"""Stored tokens of a trained tokeniser."""

from tests.unit.tokenizer.conftest import made

__all__ = ["made"]
