"""Which of many short texts are found in documents, letter by letter."""
