"""The quantiser of an HEVC picture, read from its headers (ITU-T H.265 section 7.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from openmogr.image.formats.iso.bits import BitReader
from openmogr.image.formats.iso.isomedia import CodedPicture

__all__ = ["slice_qp"]

# Section 7.4.2.2: pictures whose slices are not predicted from others and whose header says nothing about references.
_IDR_TYPES = {19, 20}
_INTRA = 2
_CODED_PICTURE_TYPES = range(32)
_SPS, _PPS = 33, 34
# What stands before the first slice: parameter sets, messages, delimiters.
_MAX_UNITS = 64
# The content of a parameter set or slice header up to what is read is never longer.
_MAX_HEADER = 4096
# Encoders that code without loss throughout write this QP, at which steps are one level wide.
_UNIT_STEP_QP = 4


@dataclass(frozen=True, slots=True)
class _Sequence:
    """What a slice header depends on of the sequence parameter set."""

    chroma: bool
    separate_planes: bool
    adaptive_offset: bool


@dataclass(frozen=True, slots=True)
class _Picture:
    """What a slice header depends on of the picture parameter set."""

    sequence: int
    output_flag: bool
    extra_bits: int
    qp: int
    bypass: bool


def slice_qp(picture: CodedPicture) -> int | None:
    """The luma QP of the first slice, -48 to 51; None if the picture is coded without loss, or unusually.

    Raises:
        EOFError, ValueError, LookupError: damaged headers.
    """
    sequences: dict[int, _Sequence] = {}
    pictures: dict[int, _Picture] = {}
    for unit in (*_parameter_sets(picture.configuration), *_units(picture.configuration, picture.data)):
        kind = unit[0] >> 1 & 63
        if kind == _SPS:
            sequences.update([_sequence(BitReader(_unescaped(unit)))])
        elif kind == _PPS:
            pictures.update([_picture(BitReader(_unescaped(unit)))])
        elif kind in _IDR_TYPES:
            return _qp(BitReader(_unescaped(unit)), sequences, pictures)
        elif kind in _CODED_PICTURE_TYPES:
            return None
    return None


def _parameter_sets(configuration: bytes) -> Iterator[bytes]:
    """The units of a ``hvcC`` box (ISO/IEC 14496-15 section 8.3.3.1)."""
    position = 23
    for _ in range(configuration[22]):
        count = int.from_bytes(configuration[position + 1 : position + 3], "big")
        position += 3
        for _ in range(count):
            length = int.from_bytes(configuration[position : position + 2], "big")
            unit = configuration[position + 2 : position + 2 + length]
            if len(unit) < 2:
                raise EOFError("the parameter sets are cut off")
            yield unit
            position += 2 + length


def _units(configuration: bytes, data: bytes) -> Iterator[bytes]:
    """The first units of a coded picture, each with its length before it."""
    width = (configuration[21] & 3) + 1
    position = 0
    for _ in range(_MAX_UNITS):
        length = int.from_bytes(data[position : position + width], "big")
        unit = data[position + width : position + width + min(length, _MAX_HEADER)]
        if len(unit) < 2:
            return
        yield unit
        position += width + length


def _unescaped(unit: bytes) -> bytes:
    """The payload without its header and without emulation prevention (section 7.3.1.1)."""
    return unit[2:].replace(b"\x00\x00\x03", b"\x00\x00")


def _sequence(reader: BitReader) -> tuple[int, _Sequence]:
    """Section 7.3.2.2.1."""
    reader.skip(4)
    layers = reader.bits(3)
    reader.skip(1)
    _skip_profile(reader, layers)
    identifier = reader.exp_golomb()
    chroma = reader.exp_golomb()
    separate = chroma == 3 and reader.flag()
    _skip_codes(reader, 2)  # width, height
    if reader.flag():
        _skip_codes(reader, 4)  # conformance window
    _skip_codes(reader, 3)  # bit depths, length of picture numbers
    ordering = layers + 1 if reader.flag() else 1
    _skip_codes(reader, 3 * ordering)
    _skip_codes(reader, 6)  # block sizes and depths
    if reader.flag() and reader.flag():
        _skip_scaling_lists(reader)
    reader.skip(1)  # asymmetric partitions
    return identifier, _Sequence(chroma != 0 and not separate, separate, reader.flag())


def _skip_codes(reader: BitReader, count: int) -> None:
    for _ in range(count):
        reader.exp_golomb()


def _skip_profile(reader: BitReader, layers: int) -> None:
    """Section 7.3.3."""
    reader.skip(96)
    if not layers:
        return
    present = [(reader.flag(), reader.flag()) for _ in range(layers)]
    reader.skip(2 * (8 - layers))
    for profile, level in present:
        reader.skip(88 * profile + 8 * level)


def _skip_scaling_lists(reader: BitReader) -> None:
    """Section 7.3.4."""
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not reader.flag():
                reader.exp_golomb()
            else:
                _skip_codes(reader, min(64, 16 << (2 * size)) + (size > 1))


def _picture(reader: BitReader) -> tuple[int, _Picture]:
    """Section 7.3.2.3.1."""
    identifier, sequence = reader.exp_golomb(), reader.exp_golomb()
    reader.skip(1)  # dependent slices
    output_flag, extra_bits = reader.flag(), reader.bits(3)
    reader.skip(2)  # sign hiding, CABAC initialisation
    _skip_codes(reader, 2)  # references
    qp = 26 + reader.signed_exp_golomb()
    reader.skip(2)  # constrained intra prediction, transform skip
    if reader.flag():
        reader.exp_golomb()  # depth of QP differences
    _skip_codes(reader, 2)  # chroma offsets
    reader.skip(3)  # chroma offsets in slices, weighted prediction
    return identifier, _Picture(sequence, output_flag, extra_bits, qp, reader.flag())


def _qp(reader: BitReader, sequences: dict[int, _Sequence], pictures: dict[int, _Picture]) -> int | None:
    """The slice header of an IDR picture, section 7.3.6.1."""
    if not reader.flag():
        return None  # not the first slice
    reader.skip(1)  # output of earlier pictures
    picture = pictures[reader.exp_golomb()]
    sequence = sequences[picture.sequence]
    reader.skip(picture.extra_bits)
    if reader.exp_golomb() != _INTRA:
        return None
    reader.skip(picture.output_flag + 2 * sequence.separate_planes)
    if sequence.adaptive_offset:
        reader.skip(1 + sequence.chroma)
    qp = picture.qp + reader.signed_exp_golomb()
    if not -48 <= qp <= 51:
        raise ValueError(f"the QP of the slice is {qp}")
    return None if picture.bypass and qp <= _UNIT_STEP_QP else qp
