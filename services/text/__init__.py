"""Files to readable, Markdown-like text: PDF, Word, Excel, PowerPoint, HTML, e-mail, CSV and plain text.

Files come from strangers, so they are only ever parsed in other processes, within limits of size, pages, time and
memory. What cannot be read ends in a note inside the text, never in an error. Nothing here knows where a file is from.
"""

from services.text.extracted import Extracted, Limits
from services.text.extractor import TextExtractor

__all__ = ["Extracted", "Limits", "TextExtractor"]
