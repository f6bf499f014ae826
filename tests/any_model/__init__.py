"""Which published architectures the package explains: the table of notebooks/guides/models.md."""
