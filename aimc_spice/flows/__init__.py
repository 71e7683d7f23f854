"""What people come for, step by step: calibrate, audit, evaluate. One page each; `pipeline` is the first to read."""
