"""By which channel a lead came: `inbound`, `outbound`, `partner`, `paid`, `event`, `referral`, `product`."""

from baton.leads.normalising.text import read_text, slug

CHANNELS = ("inbound", "outbound", "partner", "paid", "event", "referral", "product")


def read_channel(value: object) -> str | None:
    """A channel that was sent, in our words; an unknown one stays as sent; None if blank."""
    text = read_text(value, limit=100)
    return slug(text) if text is not None and slug(text) in CHANNELS else text
