"""``openmogr compress``: pictures of files and folders, without a server.

``options`` says what may be wished, ``plan`` what becomes what, ``run`` does it with ``makers``, ``output`` writes it,
``ledger`` remembers it, and ``report``, ``progress`` and ``comparison`` tell of it.
"""
