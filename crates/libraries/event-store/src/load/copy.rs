//! Copies events to Postgres.

use event_model::sparkpost::Event;
use sqlx::PgConnection;

use super::binary::{HEADER, TRAILER, distinct, push_row};

/// How much is rendered before it is sent: larger chunks are not faster.
const CHUNK_BYTES: usize = 64 * 1024;

/// The columns in the order of the rows' fields.
macro_rules! columns {
    () => {
        "ts, event_key, subaccount_id, bounce_class, type, rcpt_to, recipient_domain, message_id, \
         transmission_id, campaign_id, template_id, subject, friendly_from, sending_domain, reason, event"
    };
}

/// Copies rows into the table.
pub(super) const INTO_EVENTS: &str = concat!(
    "copy email_events (",
    columns!(),
    ") from stdin (format binary)"
);

/// Copies rows into the staging table.
pub(super) const INTO_STAGING: &str = concat!(
    "copy pg_temp.events_staging (",
    columns!(),
    ") from stdin (format binary)"
);

/// Inserts the staged rows that are not in the table.
pub(super) const FROM_STAGING: &str = concat!(
    "insert into email_events (",
    columns!(),
    ") ",
    "select ",
    columns!(),
    " ",
    "from pg_temp.events_staging ",
    "order by ts, event_key ",
    "on conflict do nothing"
);

/// Copies rows that are sorted by time and key, only the first of equal ones; returns the number of copied rows.
pub(super) async fn copy_rows(
    connection: &mut PgConnection,
    statement: &str,
    rows: &[&Event<'_>],
) -> sqlx::Result<u64> {
    let mut copy = connection.copy_in_raw(statement).await?;
    let mut buffer = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8);
    buffer.extend_from_slice(HEADER);
    for event in distinct(rows) {
        push_row(&mut buffer, event);
        if buffer.len() >= CHUNK_BYTES {
            copy.send(buffer.as_slice()).await?;
            buffer.clear();
        }
    }
    buffer.extend_from_slice(TRAILER);
    copy.send(buffer.as_slice()).await?;
    copy.finish().await
}
