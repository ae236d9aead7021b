"""The visible label: a few words in a corner of a result that say that it is altered."""
