"""The library's trainer of merges: our own is compared with it, and tests' models learn by it."""

from tokenizers import trainers

from bedstone.text.encoder import SPECIAL_TOKENS, byte_alphabet
from bedstone.tokenizer.train import TrainConfig


def trainer(config: TrainConfig) -> trainers.BpeTrainer:
    """Ids go to control tokens, then to bytes, then to merges in the order of learning."""
    return trainers.BpeTrainer(
        vocab_size=config.vocab_size,
        min_frequency=config.min_frequency,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=list(byte_alphabet()),
        show_progress=False,
    )
