"""Features that handcrafted methods learn from."""
