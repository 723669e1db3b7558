//! Events in the binary format of COPY. <https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.55.9.4>

use event_model::sparkpost::{Batch, Event};

/// The header of a binary COPY: signature, no flags, no header extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// The trailer: a row of -1 columns.
pub(super) const TRAILER: &[u8] = &(-1_i16).to_be_bytes();
const COLUMN_COUNT: i16 = 16;
/// 2000-01-01, the epoch of Postgres.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The only version of jsonb's binary form: this byte, then the JSON as text.
const JSONB_VERSION: u8 = 1;

/// The events of a batch as a file for `COPY email_events FROM … (FORMAT BINARY)`, in the order of the table's columns.
///
/// The same rows in the same order as [`Store::load_batch`](crate::Store::load_batch) sends, without the rest of a
/// load: a baseline for benchmarks.
pub fn copy_file(batch: &Batch<'_>) -> Vec<u8> {
    let mut file = HEADER.to_vec();
    for event in distinct(&sorted(batch)) {
        push_row(&mut file, event);
    }
    file.extend_from_slice(TRAILER);
    file
}

/// The events by time, key and index in the batch: the order in which rows are written.
pub(super) fn sorted<'a>(batch: &'a Batch<'a>) -> Vec<&'a Event<'a>> {
    let mut events: Vec<_> = batch.events.iter().collect();
    events.sort_unstable_by_key(|event| (event.timestamp, event.key, event.ordinal));
    events
}

/// The first of each run of events that are equal in time and key.
pub(super) fn distinct<'a>(sorted: &'a [&'a Event<'a>]) -> impl Iterator<Item = &'a Event<'a>> {
    let mut previous = None;
    sorted.iter().copied().filter(move |event| {
        let key = (event.timestamp, event.key);
        previous.replace(key) != Some(key)
    })
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
    // Bodies are limited to some tens of megabytes before.
    let length = i32::try_from(length).expect("a field of an event is shorter than 2 GB");
    buffer.extend_from_slice(&length.to_be_bytes());
}
