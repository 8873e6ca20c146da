"""How a vocabulary is learnt."""
