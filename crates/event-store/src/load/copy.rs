//! Events in the binary form of COPY. <https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.55.9.4>

use event_model::sparkpost::Event;
use sqlx::PgConnection;

/// Begins a binary COPY: signature, no flags, no header extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Ends it: a row of -1 columns.
const TRAILER: &[u8] = &(-1_i16).to_be_bytes();
const COLUMN_COUNT: i16 = 16;
/// 2000-01-01, from which Postgres counts.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The only version of jsonb's binary form: this byte, then the JSON as text.
const JSONB_VERSION: u8 = 1;

/// How much is rendered before it is sent: enough that a call costs little, and little beside the batch itself.
const CHUNK_BYTES: usize = 256 * 1024;

/// The columns in the order of [`push_row`].
macro_rules! columns {
    () => {
        "ts, event_key, subaccount_id, bounce_class, type, rcpt_to, recipient_domain, message_id, \
         transmission_id, campaign_id, template_id, subject, friendly_from, sending_domain, reason, event"
    };
}

/// Copies rows into the table.
pub(super) const INTO_EVENTS: &str =
    concat!("copy events (", columns!(), ") from stdin (format binary)");

/// Copies rows beside the table.
pub(super) const INTO_STAGING: &str = concat!(
    "copy pg_temp.events_staging (",
    columns!(),
    ") from stdin (format binary)"
);

/// Inserts what was copied beside the table and is not in it.
pub(super) const FROM_STAGING: &str = concat!(
    "insert into events (",
    columns!(),
    ") ",
    "select ",
    columns!(),
    " ",
    "from pg_temp.events_staging ",
    "order by ts, event_key ",
    "on conflict do nothing"
);

/// Copies rows that are sorted by time and key, of equal ones only the first; returns how many were copied.
pub(super) async fn copy_rows(
    connection: &mut PgConnection,
    statement: &str,
    rows: &[&Event<'_>],
) -> sqlx::Result<u64> {
    let mut copy = connection.copy_in_raw(statement).await?;
    let mut buffer = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8);
    buffer.extend_from_slice(HEADER);
    let mut previous = None;
    for event in rows {
        let key = (event.timestamp, event.key);
        if previous.replace(key) == Some(key) {
            continue;
        }
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

/// Appends one row.
pub(super) fn push_row(buffer: &mut Vec<u8>, event: &Event<'_>) {
    let micros = event.timestamp.unix_micros() - POSTGRES_EPOCH_MICROS;
    buffer.extend_from_slice(&COLUMN_COUNT.to_be_bytes());
    push_field(buffer, &micros.to_be_bytes());
    push_field(buffer, &event.key.as_u128().to_be_bytes());
    push_optional(buffer, event.subaccount_id.map(i32::to_be_bytes));
    push_optional(buffer, event.bounce_class.map(i16::to_be_bytes));
    push_field(buffer, event.event_type.as_bytes());
    for text in [
        &event.rcpt_to,
        &event.recipient_domain,
        &event.message_id,
        &event.transmission_id,
        &event.campaign_id,
        &event.template_id,
        &event.subject,
        &event.friendly_from,
        &event.sending_domain,
        &event.reason,
    ] {
        push_optional(buffer, text.as_deref());
    }
    push_length(buffer, 1 + event.payload.len());
    buffer.push(JSONB_VERSION);
    buffer.extend_from_slice(event.payload.as_bytes());
}

fn push_optional(buffer: &mut Vec<u8>, value: Option<impl AsRef<[u8]>>) {
    const NULL: [u8; 4] = (-1_i32).to_be_bytes();
    match value {
        Some(value) => push_field(buffer, value.as_ref()),
        None => buffer.extend_from_slice(&NULL),
    }
}

fn push_field(buffer: &mut Vec<u8>, value: &[u8]) {
    push_length(buffer, value.len());
    buffer.extend_from_slice(value);
}

fn push_length(buffer: &mut Vec<u8>, length: usize) {
    // A body is limited to some tens of megabytes long before it comes here.
    let length = i32::try_from(length).expect("a field of an event is shorter than 2 GB");
    buffer.extend_from_slice(&length.to_be_bytes());
}
