"""Problems with exact checkers."""
