"""What verbs do beyond a few lines: run folders, what they hold, and the pages in them."""
