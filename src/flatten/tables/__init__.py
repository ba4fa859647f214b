"""The tables: names and columns, creation and descriptions, and every statement that changes them."""
