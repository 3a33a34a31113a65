// A library in place of a driver that is too old: it has no function that the runtime looks for.
