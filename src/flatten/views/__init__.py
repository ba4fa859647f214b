"""Answers from the table: where each car stands, what it charged, which cars have gone quiet.

One SQL file per view. `fill` makes it a query over a table, whose signal columns appear only when the fleet sends them;
`update` keeps the views by name in a catalog.
"""
