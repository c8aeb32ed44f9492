"""HTML pages and the base of the reports, without scripts or anything from the network."""
