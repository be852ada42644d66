"""The backend's side of the steady state: see answering.pyx."""

from typing_extensions import disjoint_base

from hoopfast.wire.steady_state import SteadyState

@disjoint_base
class Answering(SteadyState):
    """One session's answers; Steady is the whole of it."""
