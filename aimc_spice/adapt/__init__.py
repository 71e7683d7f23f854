"""Hardware-aware training: weights that are binary and see the read-out circuit while they are learnt.

Needs PyTorch, the extra ``aimc_spice[train]``; importing this package does not import it.
"""
