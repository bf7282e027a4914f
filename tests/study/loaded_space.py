"""All cells, in a process that imports this: those forked from it have them."""

import eomoo

eomoo.load_space()
