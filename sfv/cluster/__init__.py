"""Commands on many machines: units of work, what runs them, and the store that they are kept in."""
