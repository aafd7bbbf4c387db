"""The quantiser of an AV1 picture, read from its headers (AV1 bitstream specification, sections 5.3 to 5.9)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from openmogr.image.formats.iso.bits import BitReader
from openmogr.image.formats.iso.isomedia import CodedPicture

__all__ = ["quantiser_index", "uses_cdef"]

_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME = 1, 3, 6
_KEY_FRAME, _INTRA_ONLY_FRAME, _SWITCH_FRAME = 0, 2, 3
# Values of `seq_force_screen_content_tools` and `seq_force_integer_mv` that leave it to the frame.
_SELECT = 2
_MAX_UNITS = 64
_MAX_TILE_WIDTH = 4096
_MAX_TILE_AREA = 4096 * 2304
# Section 5.9.14: bits and sign of the features of a segment; the first is the quantiser's.
_FEATURES = ((8, True), (6, True), (6, True), (6, True), (6, True), (3, False), (0, False), (0, False))
_SEGMENTS = 8


@dataclass(slots=True)
class _Sequence:
    """What a frame header depends on of the sequence header, section 5.5."""

    reduced: bool = False
    equal_interval: bool = False
    decoder_model: bool = False
    removal_time_bits: int = 0
    presentation_time_bits: int = 0
    points: list[tuple[int, bool]] = field(default_factory=list)
    width_bits: int = 0
    height_bits: int = 0
    width: int = 0
    height: int = 0
    frame_id_bits: int = 0
    large_blocks: bool = False
    screen_content: int = _SELECT
    integer_motion: int = _SELECT
    order_bits: int = 0
    superres: bool = False
    cdef: bool = False
    planes: int = 3
    separate_chroma: bool = False


def quantiser_index(picture: CodedPicture) -> int | None:
    """``base_q_idx`` of the first frame, 0-255; None if it is coded without loss, or unusually.

    With segments of quantisers of their own it is their mean.

    Raises:
        EOFError, ValueError, LookupError: damaged headers.
    """
    sequence: _Sequence | None = None
    for kind, layers, content in (*_units(picture.configuration[4:]), *_units(picture.data)):
        if kind == _SEQUENCE_HEADER:
            sequence = _sequence(BitReader(content))
        elif kind in {_FRAME_HEADER, _FRAME} and sequence is not None:
            return _frame(BitReader(content), sequence, *layers)
    return None


def uses_cdef(picture: CodedPicture) -> bool:
    """Whether the constrained directional enhancement filter may be used, by ``enable_cdef`` of the sequence.

    Raises:
        EOFError, ValueError, LookupError: damaged headers.
    """
    for kind, _, content in (*_units(picture.configuration[4:]), *_units(picture.data)):
        if kind == _SEQUENCE_HEADER:
            return _sequence(BitReader(content)).cdef
    return False


def _units(data: bytes) -> Iterator[tuple[int, tuple[int, int], bytes]]:
    """Type, temporal and spatial layer, and content of open bitstream units, section 5.3."""
    position = 0
    for _ in range(_MAX_UNITS):
        if position >= len(data):
            return
        header = data[position]
        position += 1
        layers = (0, 0)
        if header & 4:
            layers = (data[position] >> 5, data[position] >> 3 & 3)
            position += 1
        length = len(data) - position
        if header & 2:
            length, position = _leb128(data, position)
        yield header >> 3 & 15, layers, data[position : position + length]
        position += length


def _leb128(data: bytes, position: int) -> tuple[int, int]:
    """The number of section 4.10.5, and where it ends."""
    value = 0
    for count in range(8):
        byte = data[position + count]
        value |= (byte & 127) << (7 * count)
        if not byte & 128:
            return value, position + count + 1
    raise ValueError("a length is too long")


def _sequence(reader: BitReader) -> _Sequence:
    """Section 5.5.1."""
    sequence = _Sequence()
    profile = reader.bits(3)
    reader.skip(1)
    sequence.reduced = reader.flag()
    if sequence.reduced:
        reader.skip(5)
    else:
        _timing(reader, sequence)
    sequence.width_bits, sequence.height_bits = reader.bits(4) + 1, reader.bits(4) + 1
    sequence.width = reader.bits(sequence.width_bits) + 1
    sequence.height = reader.bits(sequence.height_bits) + 1
    if not sequence.reduced and reader.flag():
        difference = reader.bits(4) + 2
        sequence.frame_id_bits = difference + reader.bits(3) + 1
    sequence.large_blocks = reader.flag()
    reader.skip(2)  # filter intra, intra edge filter
    if not sequence.reduced:
        _inter_tools(reader, sequence)
    sequence.superres = reader.flag()
    sequence.cdef = reader.flag()
    reader.skip(1)  # restoration
    _color(reader, sequence, profile)
    return sequence


def _timing(reader: BitReader, sequence: _Sequence) -> None:
    """From the timing information to the operating points."""
    delay_bits = 0
    if reader.flag():
        reader.skip(64)
        sequence.equal_interval = reader.flag()
        if sequence.equal_interval:
            reader.exp_golomb()
        sequence.decoder_model = reader.flag()
        if sequence.decoder_model:
            delay_bits = reader.bits(5) + 1
            reader.skip(32)
            sequence.removal_time_bits, sequence.presentation_time_bits = (reader.bits(5) + 1 for _ in "ab")
    display_delay = reader.flag()
    for _ in range(reader.bits(5) + 1):
        layers = reader.bits(12)
        if reader.bits(5) > 7:
            reader.skip(1)
        modelled = sequence.decoder_model and reader.flag()
        if modelled:
            reader.skip(2 * delay_bits + 1)
        if display_delay and reader.flag():
            reader.skip(4)
        sequence.points.append((layers, modelled))


def _inter_tools(reader: BitReader, sequence: _Sequence) -> None:
    reader.skip(4)  # compound kinds, warped motion, dual filter
    order_hint = reader.flag()
    if order_hint:
        reader.skip(2)
    sequence.screen_content = _SELECT if reader.flag() else reader.bits(1)
    if sequence.screen_content:
        sequence.integer_motion = _SELECT if reader.flag() else reader.bits(1)
    if order_hint:
        sequence.order_bits = reader.bits(3) + 1


def _color(reader: BitReader, sequence: _Sequence, profile: int) -> None:
    """Section 5.5.2."""
    high = reader.flag()
    twelve = profile == 2 and high and reader.flag()
    monochrome = profile != 1 and reader.flag()
    points = tuple(reader.bits(8) for _ in range(3)) if reader.flag() else (2, 2, 2)
    if monochrome:
        sequence.planes = 1
        reader.skip(1)
        return
    if points != (1, 13, 0):  # otherwise RGB, always 4:4:4
        reader.skip(1)
        across = down = profile == 0
        if profile == 2:
            across = reader.flag() if twelve else True
            down = twelve and across and reader.flag()
        if across and down:
            reader.skip(2)
    sequence.separate_chroma = reader.flag()


def _frame(reader: BitReader, sequence: _Sequence, temporal: int, spatial: int) -> int | None:
    """The frame header, sections 5.9.1 to 5.9.14, as far as the segments."""
    kind, shown, resilient = _KEY_FRAME, True, True
    if not sequence.reduced:
        if reader.flag():
            return None  # shows an earlier frame again
        kind, shown = reader.bits(2), reader.flag()
        if shown and sequence.decoder_model and not sequence.equal_interval:
            reader.skip(sequence.presentation_time_bits)
        if not shown:
            reader.skip(1)
        resilient = (kind == _KEY_FRAME and shown) or kind == _SWITCH_FRAME or reader.flag()
    if kind not in {_KEY_FRAME, _INTRA_ONLY_FRAME}:
        return None
    fixed_probabilities = reader.flag()
    screen_content = reader.flag() if sequence.screen_content == _SELECT else bool(sequence.screen_content)
    if screen_content and sequence.integer_motion == _SELECT:
        reader.skip(1)
    reader.skip(sequence.frame_id_bits)
    own_size = not sequence.reduced and reader.flag()
    reader.skip(sequence.order_bits)
    if sequence.decoder_model:
        _skip_removal_times(reader, sequence, temporal, spatial)
    refreshed = 255 if kind == _KEY_FRAME and shown else reader.bits(8)
    if refreshed != 255 and resilient:
        reader.skip(8 * sequence.order_bits)
    width, height, full_width = _frame_size(reader, sequence, own_size)
    if screen_content and full_width:
        reader.skip(1)  # intra block copy
    if not sequence.reduced and not fixed_probabilities:
        reader.skip(1)
    _skip_tiles(reader, width, height, sequence.large_blocks)
    return _quantiser(reader, sequence)


def _skip_removal_times(reader: BitReader, sequence: _Sequence, temporal: int, spatial: int) -> None:
    if not reader.flag():
        return
    for layers, modelled in sequence.points:
        if modelled and (not layers or (layers >> temporal & layers >> (spatial + 8) & 1)):
            reader.skip(sequence.removal_time_bits)


def _frame_size(reader: BitReader, sequence: _Sequence, own: bool) -> tuple[int, int, bool]:
    """Coded width and height (sections 5.9.5 to 5.9.8), and whether the width is the shown one."""
    width, height = sequence.width, sequence.height
    if own:
        width, height = reader.bits(sequence.width_bits) + 1, reader.bits(sequence.height_bits) + 1
    full = True
    if sequence.superres and reader.flag():
        denominator = reader.bits(3) + 9
        scaled = (8 * width + denominator // 2) // denominator
        width, full = scaled, scaled == width
    if reader.flag():
        reader.skip(32)  # size to show
    return width, height, full


def _skip_tiles(reader: BitReader, width: int, height: int, large: bool) -> None:
    """Section 5.9.15."""
    side = 7 if large else 6
    columns, rows = (
        (2 * ((length + 7) >> 3) + (1 << (side - 2)) - 1) >> (side - 2) for length in (width, height)
    )
    widest = _MAX_TILE_WIDTH >> side
    least = max(_log2(widest, columns), _log2(_MAX_TILE_AREA >> (2 * side), rows * columns))
    if reader.flag():
        columns_log2 = _incremented(reader, _log2(widest, columns), _log2(1, min(columns, 64)))
        rows_log2 = _incremented(reader, max(least - columns_log2, 0), _log2(1, min(rows, 64)))
    else:
        column_count, largest = _explicit(reader, columns, widest)
        area = rows * columns >> (least + 1) if least else rows * columns
        row_count, _ = _explicit(reader, rows, max(area // largest, 1))
        columns_log2, rows_log2 = _log2(1, column_count), _log2(1, row_count)
    if columns_log2 or rows_log2:
        reader.skip(columns_log2 + rows_log2 + 2)


def _log2(block: int, target: int) -> int:
    """The smallest exponent with which ``block`` reaches ``target``."""
    exponent = 0
    while block << exponent < target:
        exponent += 1
    return exponent


def _incremented(reader: BitReader, value: int, greatest: int) -> int:
    while value < greatest and reader.flag():
        value += 1
    return value


def _explicit(reader: BitReader, total: int, widest: int) -> tuple[int, int]:
    """Number and largest of the tiles whose sizes are written."""
    start = count = largest = 0
    while start < total:
        size = reader.non_symmetric(min(total - start, widest)) + 1
        start, count, largest = start + size, count + 1, max(largest, size)
    return count, largest


def _quantiser(reader: BitReader, sequence: _Sequence) -> int | None:
    """Sections 5.9.12 and 5.9.14."""
    base = reader.bits(8)
    deltas = [_delta(reader)]
    if sequence.planes > 1:
        separate = sequence.separate_chroma and reader.flag()
        deltas += [_delta(reader) for _ in range(4 if separate else 2)]
    if reader.flag():
        reader.skip(12 if sequence.separate_chroma else 8)  # matrices
    indices = [min(max(base + change, 0), 255) for change in _segments(reader)]
    if not any(indices) and not any(deltas):
        return None  # lossless, section 5.9.2
    return round(sum(indices) / len(indices))


def _delta(reader: BitReader) -> int:
    return reader.signed(7) if reader.flag() else 0


def _segments(reader: BitReader) -> list[int]:
    """What each segment adds to the quantiser."""
    if not reader.flag():
        return [0]
    changes = []
    for _ in range(_SEGMENTS):
        values = []
        for bits, signed in _FEATURES:
            present = reader.flag()
            values.append((reader.signed(bits + 1) if signed else reader.bits(bits)) if present else 0)
        changes.append(values[0])
    return changes
