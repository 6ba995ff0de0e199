"""PowerPoint presentations, by python-pptx."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

from pptx import Presentation
from pptx.shapes.base import BaseShape
from pptx.shapes.graphfrm import GraphicFrame
from pptx.shapes.group import GroupShape
from pptx.slide import Slide
from pptx.text.text import TextFrame

from services.text.extracted import File, Note, Piece
from services.text.markdown import heading, item, one_line, paragraph, table


def read(file: File) -> Iterator[Piece]:
    slides = Presentation(io.BytesIO(file.data)).slides
    for number, slide in enumerate(slides, 1):
        if number > file.limits.pages:
            yield Note(f"cut here: {file.limits.pages:,} of its {len(slides):,} slides are read.")
            return
        yield from _slide(slide, number)


def _slide(slide: Slide, number: int) -> Iterator[str]:
    title = slide.shapes.title
    words = one_line(title.text_frame.text) if title is not None else ""
    yield heading(f"Slide {number}: {words}" if words else f"Slide {number}", 2)
    yield from _shapes(shape for shape in slide.shapes if title is None or shape.shape_id != title.shape_id)
    if slide.has_notes_slide:
        notes = slide.notes_slide.notes_text_frame
        if notes is not None and notes.text.strip():
            yield paragraph(f"\n\nNotes: {notes.text}")


def _shapes(shapes: Iterable[BaseShape]) -> Iterator[str]:
    for shape in shapes:
        if isinstance(shape, GroupShape):
            yield from _shapes(shape.shapes)
        elif isinstance(shape, GraphicFrame):
            if shape.has_table:
                yield from table([cell.text for cell in row.cells] for row in shape.table.rows)
        elif shape.has_text_frame:
            yield from _lines(shape.text_frame)  # type: ignore[attr-defined] # shapes that have one are not a type
            yield "\n"


def _lines(frame: TextFrame) -> Iterator[str]:
    for line in frame.paragraphs:
        yield item(line.text, depth=line.level)
