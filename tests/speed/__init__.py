"""How fast the package is, compared with the bare network and with other packages: `make bench`.

    python -m tests.speed --help
    python -m tests.speed.quality --help

    __main__    the command: measures, and writes the results after every row
    settings    what is measured, and how long: add settings of `MacoVisualizer` here
    processes   the order of the measurements, each in a process of its own
    measures    time per step, start-up, batches of objectives, memory, and the machine
    runs        what is timed: networks, and methods that say when a step begins
    torch_runs  the same in PyTorch, for `--torch`
    timing      runs that take turns step by step, ratios within a round, medians
    report      results as tables and as a figure
    quality     a second command: how well other networks recognise an image, against its compute

`test_speed.py` tests the arithmetic. pytest measures nothing.
"""
