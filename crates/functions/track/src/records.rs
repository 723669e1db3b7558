//! From the events of a request to Firehose's records. Pure.

use aws_io::firehose::MAX_RECORD_BYTES;
use bytes::Bytes;

use crate::event::{Event, Stamp};

/// An event is larger than a record may be, with its index among the request's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge {
    pub(crate) index: usize,
}

/// Writes the events as lines, as many into each record as fit: Firehose bills records in steps of 5 KB, and accepts or
/// refuses a record as a whole.
pub(crate) fn pack(events: &[Event<'_>], stamp: &Stamp) -> Result<Vec<Bytes>, TooLarge> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let start = record.len();
        event.write_line(stamp, index, &mut record);
        if record.len() > MAX_RECORD_BYTES {
            let line = record.split_off(start);
            if line.len() > MAX_RECORD_BYTES {
                return Err(TooLarge { index });
            }
            records.push(std::mem::replace(&mut record, line).into());
        }
    }
    if !record.is_empty() {
        records.push(record.into());
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;
    use crate::body::events;

    fn packed(body: &str) -> Result<Vec<Bytes>, TooLarge> {
        let stamp = Stamp::new(datetime!(2026-01-01 0:00 UTC), None, b"", Uuid::nil());
        pack(&events(body.as_bytes(), None).unwrap().events, &stamp)
    }

    fn event_of(size_bytes: usize) -> String {
        format!(r#"{{"eventId":"x","a":"{}"}}"#, "a".repeat(size_bytes))
    }

    #[test]
    fn small_events_share_a_record_and_each_is_a_line() {
        let records = packed(&event_of(10).repeat(1000)).unwrap();

        assert_eq!(records.len(), 1);
        assert!(records[0].ends_with(b"}\n"));
        assert_eq!(records[0].split(|byte| *byte == b'\n').count(), 1001);
    }

    #[test]
    fn records_are_filled_and_none_is_too_large() {
        let records = packed(&event_of(300_000).repeat(10)).unwrap();

        assert_eq!(records.len(), 4);
        for record in records {
            assert!(record.len() <= MAX_RECORD_BYTES && record.ends_with(b"}\n"));
        }
    }

    #[test]
    fn the_largest_event_fits_and_one_byte_more_does_not() {
        let overhead = packed(&event_of(0)).unwrap()[0].len();
        let largest = event_of(MAX_RECORD_BYTES - overhead);

        assert_eq!(packed(&largest).unwrap().len(), 1);
        assert_eq!(
            packed(&(event_of(1) + &event_of(MAX_RECORD_BYTES - overhead + 1))),
            Err(TooLarge { index: 1 })
        );
    }
}
