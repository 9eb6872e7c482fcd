"""Makes a failing case short and simple."""
