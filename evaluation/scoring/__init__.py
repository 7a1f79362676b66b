"""Score sets and where they come from: files of any software, trained runs, handcrafted methods."""
