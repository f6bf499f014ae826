"""The subcommands of `maco-tf` that compare methods."""
