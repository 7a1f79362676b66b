"""Tables, and the pages that hold figures and tables."""
