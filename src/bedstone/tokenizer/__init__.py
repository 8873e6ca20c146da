"""From text to tokens: which, how many, and in what mix."""
