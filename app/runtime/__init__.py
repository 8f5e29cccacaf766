"""The composition root: builds the parts, owns their tasks, closes them in reverse.

`feed_for` gives a front end its view (a daemon's, or one collected here); `look_once` is one bounded round. The daemon
itself is `app.runtime.serving`, which only who serves loads.
"""

from app.runtime.attaching import attach, feed_for, following
from app.runtime.collecting import Collecting, collecting
from app.runtime.looking import chat_desk, look_once, looking
from app.runtime.options import RuntimeOptions, empty_snapshot, store_path
from app.runtime.past import open_history, open_past

__all__ = [
    "Collecting",
    "RuntimeOptions",
    "attach",
    "chat_desk",
    "collecting",
    "empty_snapshot",
    "feed_for",
    "following",
    "look_once",
    "looking",
    "open_history",
    "open_past",
    "store_path",
]
