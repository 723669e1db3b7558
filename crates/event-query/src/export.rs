//! Events as lines of a table.

use std::borrow::Cow;

use event_model::Timestamp;

use crate::dialect::Dialect;
use crate::shape::{Members, ShapeError, write_event};

/// The members that become columns, in their order. What else an event holds is in `json` and `ndjson` only: a table
/// whose columns depend on its rows is no help to anybody.
const COLUMNS: [&str; 32] = [
    "timestamp",
    "type",
    "event_id",
    "rcpt_to",
    "subject",
    "campaign_id",
    "template_id",
    "transmission_id",
    "message_id",
    "friendly_from",
    "sending_domain",
    "recipient_domain",
    "mailbox_provider",
    "mailbox_provider_region",
    "customer_id",
    "subaccount_id",
    "ip_pool",
    "sending_ip",
    "ip_address",
    "bounce_class",
    "error_code",
    "reason",
    "raw_reason",
    "num_retries",
    "queue_time",
    "msg_size",
    "target_link_name",
    "target_link_url",
    "user_agent",
    "geo_ip",
    "rcpt_tags",
    "rcpt_meta",
];

pub(crate) fn csv_header() -> String {
    format!("{}\r\n", COLUMNS.join(","))
}

/// Appends the event as one row. Strings are written as they are, everything else as JSON; what is missing or null is
/// empty.
pub(crate) fn write_csv_row(
    out: &mut Vec<u8>,
    dialect: Dialect,
    ts: Timestamp,
    stored: &str,
) -> Result<(), ShapeError> {
    let mut event = Vec::with_capacity(stored.len() + 128);
    write_event(&mut event, dialect, ts, stored)?;
    let Members(members) = serde_json::from_slice(&event)?;

    for (place, column) in COLUMNS.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        let member = members.iter().find(|(name, _)| name == column);
        let json = member.map_or("null", |(_, value)| value.get());
        write_cell(out, &text_of(json)?);
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn text_of(json: &str) -> Result<Cow<'_, str>, ShapeError> {
    Ok(match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(json)?.into(),
        _ if json == "null" => Cow::Borrowed(""),
        _ => Cow::Borrowed(json),
    })
}

/// RFC 4180: a cell with a comma, a quote or a line break is quoted, and its quotes are doubled.
fn write_cell(out: &mut Vec<u8>, text: &str) {
    if text.contains([',', '"', '\r', '\n']) {
        out.push(b'"');
        out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_has_the_cells_that_its_header_names() {
        let stored = concat!(
            r#"{"type":"bounce","event_id":"9","rcpt_to":"a@x.org","subject":"Hi, \"you\"\nthere","subaccount_id":"7","#,
            r#""geo_ip":{"latitude":7.40500},"rcpt_meta":{"k":"v"},"reason":null,"timestamp":"0","other":1}"#
        );
        let mut out = csv_header().into_bytes();

        let ts = Timestamp::from_unix_seconds(1_460_989_507).unwrap();
        write_csv_row(&mut out, Dialect::Events, ts, stored).unwrap();

        let text = String::from_utf8(out).unwrap();
        let (header, row) = text.split_once("\r\n").unwrap();
        assert_eq!(header.split(',').count(), COLUMNS.len());
        assert_eq!(
            row,
            concat!(
                "2016-04-18T14:25:07.000Z,bounce,9,a@x.org,\"Hi, \"\"you\"\"\nthere\",,,,,,,x.org,,,,7,",
                ",,,,,,,,,,,,,\"{\"\"latitude\"\":7.40500}\",,\"{\"\"k\"\":\"\"v\"\"}\"\r\n"
            )
        );
    }
}
