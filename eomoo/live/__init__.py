"""Cell -> network -> trained, timed, exported; nothing here imports torch before it is used.

- :mod:`~eomoo.live.network`: ``build_network(cell, skeleton)``.
- :mod:`~eomoo.live.profile`: MACs counted by other means, memory.
"""
