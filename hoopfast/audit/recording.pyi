"""The records of a session's steady state, without Python. See recording.pyx."""

from typing_extensions import disjoint_base

from hoopfast.audit.window import Gate

def make_template(text: bytes) -> object:
    """A capsule named TEMPLATE() (hoopfast/recording.pxd) with what an Execution says of its statement, spelt."""

@disjoint_base
class SteadyRecorder:
    """The sums and open executions of one session, and how C records in it; recorder.py is the rest, in Python.

    `spelt_session` is the session as JSON spells it, quotes included. Records go where `gate` lets them.
    """

    def __init__(self, gate: Gate, spelt_session: bytes, digest_key: bytes) -> None: ...
    position: int  # the number of the session's last record in its stream
    @property
    def recording(self) -> object:
        """A capsule named RECORDING() (hoopfast/recording.pxd); keeps this recorder alive."""

    def _next_sequence(self) -> int:
        """The number of the next execution, which is not used up yet."""

    def _begun(self) -> None:
        """The execution of the next number is recorded."""

    def _ended(
        self, sequence: int, ending: str, rows: int, received_bytes: int, delivered_bytes: int, masked_cells: int
    ) -> None:
        """An execution has ended. ValueError for one that has its end, or was never begun."""

    def _open_sequences(self) -> list[int]:
        """The executions that have no end yet, ascending."""

    def _sums(self) -> dict[str, int]:
        """The fields of records.Totals."""

    def _over(self) -> None:
        """C records no more in this session."""
