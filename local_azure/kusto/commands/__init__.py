"""Management commands, one module per kind of entity; `dispatch` finds the handler."""
