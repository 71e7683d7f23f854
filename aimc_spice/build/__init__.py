"""Files of numbers become circuits and surrogates: one kind of file a module; nothing simulates."""
