"""`python -m infra.local`, or `make web`: the whole service on this machine, for trying and developing it.

It needs node and the Worker's sources, which no installed consumer has, so it is no command of `swapdrop`
and in none of its packages.
"""
