//! Objects of senders of emails: their events become SparkPost's before they are read.

use std::io::{self, BufRead, Read};

use email_senders::{Delivery, to_sparkpost};

use crate::gzip::Expanded;

/// The loader refuses larger bodies too.
const MAX_BODY_BYTES: u64 = 32 << 20;

/// The bytes of an object, expanded; those of a sender's object are translated, and therefore read as a whole.
pub(super) fn open<'a>(
    delivery: Option<&Delivery>,
    input: impl BufRead + 'a,
) -> io::Result<Expanded<'a>> {
    let mut expanded = Expanded::open(input)?;
    if delivery.is_none() {
        return Ok(expanded);
    }
    let mut body = Vec::new();
    let is_whole = match expanded
        .by_ref()
        .take(MAX_BODY_BYTES + 1)
        .read_to_end(&mut body)
    {
        Ok(length) => (length as u64) <= MAX_BODY_BYTES,
        Err(error) if expanded.is_damage(&error) => false,
        Err(error) => return Err(error),
    };
    let mut translated = to_sparkpost(delivery, &body).into_owned();
    if !is_whole {
        // An event that never ends, so that the break is rejected.
        translated.extend_from_slice(b"{");
    }
    // A body that is gzip once more is none that can be read, as for the loader.
    Ok(Expanded::of_plain(translated))
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Write as _};

    use email_senders::Senders;
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    const KEY: &str = "raw/email/dt=2026-11-30/standard=msg_1-0123456789abcdef.json.gz";

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn read(key: &str, object: &[u8]) -> String {
        let mut text = String::new();
        let delivery = Senders::default().delivery(key).unwrap();
        open(delivery.as_ref(), BufReader::new(object))
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    #[test]
    fn objects_of_senders_are_translated_and_others_are_not() {
        let body = br#"{"type":"a","timestamp":"2026-11-30T11:00:00Z"}"#;
        let object = gzip(body);

        let translated = read(KEY, &object);
        assert!(
            translated.starts_with(r#"[{"msys":{"message_event":{"type":"standard.a""#),
            "{translated}"
        );
        assert_eq!(read(&format!("s3://b/{KEY}"), &object), translated);
        assert_eq!(read("raw/track/x", &object).as_bytes(), body);
        assert!(read(KEY, &object[..object.len() - 9]).ends_with('{'));
    }

    #[test]
    fn limits_are_those_of_the_loader() {
        let event = br#"{"type":"a","timestamp":"2026-11-30T11:00:00Z"}"#;
        let blanks = vec![b' '; usize::try_from(MAX_BODY_BYTES).unwrap() - event.len()];
        let largest = [event.as_slice(), &blanks].concat();
        let too_large = [event.as_slice(), &blanks, b" "].concat();

        assert!(read(KEY, &gzip(&largest)).ends_with("}}]"));
        assert!(read(KEY, &gzip(&too_large)).ends_with('{'));
        let mut bytes = Vec::new();
        let delivery = Senders::default().delivery(KEY).unwrap();
        let twice = gzip(&gzip(event));
        open(delivery.as_ref(), BufReader::new(&twice[..]))
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        assert_eq!(bytes, gzip(event));
    }
}
