"""Folders and files, and who may see which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from sandbox.box.errors import not_found, refusal
from sandbox.world import BoxUser, File, Folder, World

ROOT: Final = Folder(id="0", name="All Files", parent="")


class Tree:
    """Everything is found as the user that asks; what they may not see is not there."""

    def __init__(self, world: World) -> None:
        self.users = {user.id: user for user in world.box_users}
        self.enterprise_id = world.credentials.box.enterprise_id
        self._folders = {folder.id: folder for folder in world.folders}
        self._files = {file.id: file for file in world.files}
        self._inside: dict[str, list[Folder | File]] = defaultdict(list)
        for folder in world.folders:
            self._inside[folder.parent].append(folder)
        for file in world.files:
            self._inside[file.folder].append(file)
        self._seen = {
            user: frozenset(_key(item) for item in self.items() if self._may_see(user, item)) for user in self.users
        }

    def user(self, id: str) -> BoxUser:
        return self.users[id]

    def file(self, id: str, user: str) -> File:
        """Refuses an id that is no number with 405, as Box documents it, and others with 404."""
        if not id.isdecimal():
            raise refusal(405, "method_not_allowed", "Method Not Allowed")
        file = self._files.get(id)
        if file is None or not self.sees(user, file):
            raise not_found()
        return file

    def folder(self, id: str, user: str) -> Folder:
        """Refuses what is not there; everybody has a root."""
        if not id.isdecimal():
            raise refusal(405, "method_not_allowed", "Method Not Allowed")
        if id == ROOT.id:
            return ROOT
        folder = self._folders.get(id)
        if folder is None or not self.sees(user, folder):
            raise not_found("folder")
        return folder

    def sees(self, user: str, item: Folder | File) -> bool:
        """Whether the user owns it, or is a member of it or of a folder above it."""
        return _key(item) in self._seen[user]

    def _may_see(self, user: str, item: Folder | File) -> bool:
        if isinstance(item, File) and item.owner == user:
            return True
        above = [*self.path(item), *([item] if isinstance(item, Folder) else [])]
        return any(user in folder.members for folder in above)

    def path(self, item: Folder | File) -> Sequence[Folder]:
        """The folders above it, from the top, without the root."""
        found: list[Folder] = []
        parent = item.folder if isinstance(item, File) else item.parent
        while parent not in {ROOT.id, ""}:
            found.append(self._folders[parent])
            parent = self._folders[parent].parent
        return found[::-1]

    def inside(self, folder: Folder, user: str) -> list[Folder | File]:
        """What the user sees directly in it. Their root shows the topmost things that are theirs to see."""
        if folder is ROOT:
            return [item for item in self.items() if self.sees(user, item) and not self._is_below_seen(user, item)]
        return [item for item in self._inside[folder.id] if self.sees(user, item)]

    def items(self) -> Iterator[Folder | File]:
        """Everything, folders first."""
        yield from self._folders.values()
        yield from self._files.values()

    def _is_below_seen(self, user: str, item: Folder | File) -> bool:
        return any(self.sees(user, folder) for folder in self.path(item))


def _key(item: Folder | File) -> tuple[bool, str]:
    """Folders and files are counted apart: a file may have the id of a folder."""
    return isinstance(item, File), item.id
