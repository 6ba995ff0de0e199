"""A mail of the sample as an e-mail message."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from sandbox.documents.render import content_type_of, file_bytes, html_page
from sandbox.world import Mail, Person


def mime_bytes(mail: Mail) -> bytes:
    """RFC 5322, with the text in both forms, and files and mails attached. Links to files are left out."""
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = message_id(mail)
    message["Date"] = mail.sent_at
    message["Subject"] = mail.subject
    message["From"] = _address(mail.sender)
    message["To"] = [_address(person) for person in mail.to]
    if mail.cc:
        message["Cc"] = [_address(person) for person in mail.cc]
    message.set_content(mail.body)
    message.add_alternative(html_page(mail.body), subtype="html")
    for attachment in mail.attachments:
        if attachment.item is not None:
            attached = EmailMessage(policy=SMTP)
            attached["Subject"] = attachment.item.subject
            attached["From"] = _address(attachment.item.sender)
            attached["Date"] = attachment.item.sent_at
            attached.set_content(attachment.item.body)
            message.add_attachment(attached)
        elif attachment.kind == "file":
            kind, _, subtype = content_type_of(attachment.name).partition("/")
            data = file_bytes(attachment.name, attachment.text)
            message.add_attachment(data, maintype=kind, subtype=subtype, filename=attachment.name)
    return message.as_bytes()


def message_id(mail: Mail) -> str:
    """The same for the copies of a mail in several mailboxes, as on the wire."""
    return f"<{mail.id.rpartition('/')[2]}@{mail.sender.address.partition('@')[2]}>"


def _address(person: Person) -> Address:
    return Address(display_name=person.name, addr_spec=person.address)
