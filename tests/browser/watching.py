"""What may never happen on a page: errors in the console, scripts that fail, violations of its security policy."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Page

_LISTEN = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""
_REFUSALS = "Failed to load resource: the server responded with a status of 4"
"""Chromium says so of every page that is an error on purpose."""


@dataclass
class Watched:
    problems: list[str] = field(default_factory=list)


def watch(page: Page) -> Watched:
    watched = Watched()

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_REFUSALS):
            watched.problems.append(f"{page.url}: {message.text}")

    page.on("console", note)
    page.on("pageerror", lambda error: watched.problems.append(f"{page.url}: {error}"))
    page.add_init_script(_LISTEN)
    return watched
