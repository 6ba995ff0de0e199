"""Makes real files out of the readable text of a sample: Word, PDF, Excel, PowerPoint, e-mail, and plain ones.

Text is Markdown of a simple kind: `# headings`, `- lists`, `| tables |`, and paragraphs apart by empty lines.
Nothing of the vendors is known here.
"""
