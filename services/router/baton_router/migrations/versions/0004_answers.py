"""Answers to commands that came under an idempotency key, for their repeats.

The release before goes on beside it, and doesn't know of them: an erasure that it carries out meanwhile leaves an
answer that speaks of that lead for its seven days at most.
"""

import sqlalchemy as sa
from alembic import op

from baton.service.tables import add_idempotency

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_idempotency(sa.MetaData(schema="router")).create(op.get_bind())


def downgrade() -> None:
    op.drop_table("idempotency", schema="router")
