"""Errors caused by user input."""


class RecipeError(ValueError):
    """An error in the user's input: a recipe, a command, a data folder or a network's options.

    Its message is one line that says what is wrong, what was expected and how to fix it. The
    commands print that line and exit with code 2.

    Example:
        >>> import sfkeras
        >>> try:
        ...     sfkeras.SemifreddoNet((100, 96, 3))
        ... except sfkeras.RecipeError as error:
        ...     print(error)  # doctest: +NORMALIZE_WHITESPACE
        network.input is 100x96x3. Expected sides that are multiples of 16 from 32 to 2048.
        Write network.input=96x96x3.
    """
