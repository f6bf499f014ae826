"""The subcommands of `maco-tf`: each file adds its arguments and runs itself."""
