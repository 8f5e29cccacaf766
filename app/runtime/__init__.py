"""The composition root: builds the parts, owns their tasks, closes them in reverse. One module each, to be named.

`attaching.feed_for` gives a front end its view (a daemon's, or one collected here); `looking.look_once` is one bounded
round, which loads nothing of who collects. The daemon itself is `serving`, which only who serves loads.
"""
