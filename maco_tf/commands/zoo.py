"""`maco-tf zoo`: the trained networks that come by name."""


def add_parser(commands):
    """Add the command to the parsers of `maco-tf`."""
    parser = commands.add_parser("zoo", help="list the trained networks that --model takes by name")
    parser.set_defaults(run=run)


def run(_):
    """Run the command.

    Returns:
        The exit status, 0.
    """
    from maco_tf.models import zoo

    for name in zoo.names():
        entry = zoo.entry(name)
        try:
            entry.path()
            state = "installed"
        except ImportError:
            state = entry.install
        print(f"{name:20} {entry.size} px   {entry.licence:11} {entry.output:30} {state}")
    print("Networks of keras.applications, such as ResNet50V2, work by name too; Keras downloads them.")
    return 0
