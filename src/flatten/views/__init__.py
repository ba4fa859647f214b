"""Views of the table: the latest values of each car, its charging sessions, its days, and the health of its data.

One SQL file per view. `fill` makes it a query over a table, whose signal columns appear only when the fleet sends them;
`update` maintains the views by name in a catalog.
"""
