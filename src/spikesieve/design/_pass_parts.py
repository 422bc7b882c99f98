"""Blocks of a design as a pass for one neuron visits them: tables in groups, others one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spikesieve._types import Index
from spikesieve.design._block import Block
from spikesieve.design._table_group import TableGroup
from spikesieve.design._tabulated import TabulatedBlock

# A path asks for the same working set pass after pass; putting a group together takes 10 us.
_CHOICES_KEPT = 64


@dataclass(frozen=True)
class Part:
    """What a pass visits once per row chunk."""

    features: Block | TableGroup
    columns: Index
    """Where they are among those of the design."""


class PassParts:
    """Parts for any choice of a design's blocks."""

    def __init__(self, blocks: Sequence[Block], spans: Sequence[slice]):
        self._n_blocks, self._chosen = len(blocks), {}
        columns = [np.arange(span.start, span.stop) for span in spans]
        of_type, self._others = {}, {}
        for number, block in enumerate(blocks):
            if isinstance(block, TabulatedBlock):
                of_type.setdefault(block.axis.codes.dtype, []).append(number)
            else:
                self._others[number] = Part(block, columns[number])
        self._groups: list[tuple[Index, Part]] = []
        for numbers in of_type.values():
            tables = TableGroup.of([blocks[number].axis for number in numbers])
            part = Part(tables, np.concatenate([columns[number] for number in numbers]))
            self._groups.append((np.array(numbers), part))

    def of(self, numbers: Index) -> tuple[Part, ...]:
        """Parts of the blocks with these numbers, always in the same order."""
        key = numbers.tobytes()
        found = self._chosen.get(key)
        if found is None:
            if len(self._chosen) >= _CHOICES_KEPT:
                self._chosen.clear()
            found = self._chosen[key] = self._choose(numbers)
        return found

    def _choose(self, numbers: Index) -> tuple[Part, ...]:
        is_wanted = np.zeros(self._n_blocks, dtype=bool)
        is_wanted[numbers] = True
        groups = [_some(part, is_wanted[members]) for members, part in self._groups if is_wanted[members].any()]
        return (*groups, *(part for number, part in self._others.items() if is_wanted[number]))


def _some(part: Part, is_wanted: np.ndarray) -> Part:
    """A group's wanted tables."""
    if is_wanted.all():
        return part
    assert isinstance(part.features, TableGroup)
    columns = part.columns[np.repeat(is_wanted, part.features.n_coef_of_each)]
    return Part(part.features.only(is_wanted.nonzero()[0]), columns)
