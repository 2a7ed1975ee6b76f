"""One experiment per file: its question, the tasks and rows that answer it, and the columns of its table."""
