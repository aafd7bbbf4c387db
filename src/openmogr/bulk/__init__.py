"""Whole buckets and folders, worked on by this machine or by a Ray cluster, each object once and for all.

``driver`` goes through ``feed`` (a listing, or a manifest), leaves out what the ``ledger`` knows to be done, cuts
batches by what they will take (``estimate``), hands them to an executor (``executors``, ``on_ray``), and writes down
what became of them. ``work`` is the other side: it reads objects (``sources``), has them made by the engine, and
writes them (``targets``).

An object is worked on at least once. What is written is written whole, in one step, and the same bytes each time, so
that a driver, a worker or a node that is killed costs nothing but the time of what it had under way.
"""
