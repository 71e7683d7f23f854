"""Circuit-level SPICE co-simulation of analog in-memory computing.

``device → netlist → simulate → dataset → surrogate → network → report``; `pipeline` shows the whole flow.
"""

__version__ = "0.1.0"
