"""The backend's side of the steady state: see answering.pyx."""

from hoopfast.wire.steady_state import SteadyState

class Answering(SteadyState):
    """One session's answers; Steady is the whole of it."""
