"""What the user can mend."""


class RecipeError(ValueError):
    """Anything wrong in what the user asked for; train.py prints it as one line and exits with 2."""
