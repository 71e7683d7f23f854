"""How good is a converter? Linearity, noise, speed and energy, measured on its circuit by the book."""
