"""Where a probe stands: a text that goes to the backend as a Parse alone (soundness 45)."""

from __future__ import annotations

from enum import Enum


class Probe(Enum):
    """What is known of the text that was sent as a Parse alone."""

    NONE = "none"  # no probe is under way
    SENT = "sent"  # the frontend's messages wait for its answer
    REJECTED = "rejected"  # the backend's error has been passed on: the message has been dealt with
    PARSED = "parsed"  # the backend understands it: read the catalog and decide again, else refuse
