"""Current–voltage laws of a cell: one family a file, fitted to ngspice sweeps of the cell's own subcircuit."""
