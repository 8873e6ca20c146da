"""Other versions of a text: lines and sentences left out."""
