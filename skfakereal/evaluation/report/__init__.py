"""The report on one classifier: figures, tables, pictures and a page."""
