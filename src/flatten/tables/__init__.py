"""The tables: their names and columns, how they are created and described, and every statement that changes them."""
