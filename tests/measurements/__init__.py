"""Measurements that take minutes to hours; the test suite does not run them."""
