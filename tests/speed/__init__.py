"""How fast the package is beside the bare network and other packages: `make bench`.

    python -m tests.speed --help

    __main__    the command: a child process a network and a memory figure, results kept row by row
    settings    what is measured, and for how long
    networks    the networks, in Keras and in PyTorch
    cases       the settings of `MacoVisualizer` that are measured: add rows here
    methods     what is timed, each as a run that says when a step begins
    stepper     a run that waits for its turn
    rounds      turns, ratios within a round, medians
    measures    steps, start-up, many objectives, memory
    child       measures in a process of their own
    machine     versions, threads, instructions
    report      results -> Markdown
    picture     results -> bars

The arithmetic is tested by `tests/test_speed.py`; nothing here is collected by pytest.
"""
