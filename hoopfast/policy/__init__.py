"""Decisions: catalog, lineage, kinds, rules and masks. Pure functions; knows no session, no wire, no socket."""
