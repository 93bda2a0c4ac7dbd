"""One table beside those of flow."""

import sqlalchemy as sa

from baton.flow.tables import add_flow_tables
from tests.support.toy import SCHEMA

metadata = sa.MetaData(schema=SCHEMA)
add_flow_tables(metadata)

handled = sa.Table(
    "handled",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("lead_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
)
