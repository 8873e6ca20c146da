"""Characters, words, sentences, tokens: what several parts read a text by."""
