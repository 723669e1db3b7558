//! From the archived messages of the forwarding queue to a line of JSON for each event in them.
//!
//! A message is a batch: what is said once for all of its events, and the events. Each event becomes
//! `{"eventKey": …, "sentAt": …, "batch": {all but the events}, "event": {…}}`, every value the text it came as. A line that is no
//! message, and a message that is no batch with events, stay as they are: what cannot become a row is for the converter to
//! judge, and a message without events is a row that says so.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read},
};

use event_model::mparticle::ArchivedMessage;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::gzip::Expanded;

const EVENTS: &str = "events";

/// Reads archived messages, gzip or plain, as events.
struct Events<'a> {
    messages: BufReader<Expanded<'a>>,
    line: Vec<u8>,
    /// What is made of the line, and how much of it was read.
    made: Vec<u8>,
    read: usize,
    is_over: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    event_key: String,
    sent_at: &'a str,
    batch: &'a Members<'a>,
    event: &'a RawValue,
}

/// Reads `archive`, expanded if it is gzip, as events.
pub(crate) fn read_events<'a>(
    archive: impl BufRead + 'a,
) -> io::Result<BufReader<Box<dyn Read + 'a>>> {
    let messages = BufReader::new(Expanded::open(archive)?);
    Ok(BufReader::new(Box::new(Events {
        messages,
        line: Vec::new(),
        made: Vec::new(),
        read: 0,
        is_over: false,
    })))
}

impl Read for Events<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.made.len() && !self.is_over {
            self.next_line()?;
        }
        let rest = self.made.get(self.read..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.read += len;
        Ok(len)
    }
}

impl Events<'_> {
    fn next_line(&mut self) -> io::Result<()> {
        self.line.clear();
        self.made.clear();
        self.read = 0;
        match self.messages.read_until(b'\n', &mut self.line) {
            Ok(0) => self.is_over = true,
            Ok(_) => {
                if !write_events(&self.line, &mut self.made) {
                    self.made.clear();
                    self.made.extend_from_slice(&self.line);
                }
            }
            // What came before the damage is taken; the damage is a line that becomes a rejection.
            Err(error) if self.messages.get_ref().is_damage(&error) => {
                self.is_over = true;
                self.made.extend_from_slice(&self.line);
                self.made
                    .extend_from_slice(format!("\ndamaged gzip: {error}\n").as_bytes());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Writes the events of a message, a line each. False when it has none, or is no message.
fn write_events(line: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(message) = serde_json::from_slice::<ArchivedMessage<'_>>(line) else {
        return false;
    };
    let Ok(mut batch) = serde_json::from_str::<Members<'_>>(&message.body) else {
        return false;
    };
    let is_events = |(name, _): &(String, &RawValue)| name == EVENTS;
    // Two members of that name: which of them counts is not for us to say.
    if batch.0.iter().filter(|member| is_events(member)).count() != 1 {
        return false;
    }
    let events: Vec<&RawValue> = batch
        .0
        .iter()
        .find(|member| is_events(member))
        .and_then(|(_, events)| serde_json::from_str(events.get()).ok())
        .unwrap_or_default();
    batch.0.retain(|member| !is_events(member));
    for (place, event) in events.iter().enumerate() {
        let line = Line {
            event_key: format!("{}/{place}", message.message_id),
            sent_at: &message.sent_at,
            batch: &batch,
            event,
        };
        serde_json::to_writer(&mut *out, &line).expect("members of JSON are JSON");
        out.push(b'\n');
    }
    !events.is_empty()
}

/// The members of an object, as they came.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(MembersVisitor).map(Self)
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn message(id: &str, body: &str) -> String {
        serde_json::to_string(&ArchivedMessage::new(id, 1_767_268_800_000, body)).unwrap() + "\n"
    }

    fn events(archive: &[u8]) -> String {
        let mut text = String::new();
        read_events(archive)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn each_event_is_a_line_with_its_batch_and_its_place() {
        let body = r#"{"mpid": -7, "events":[{"a":1.50},{"b":"\ud83d"}], "user":{"x":[ ]}}"#;
        let expected = concat!(
            r#"{"eventKey":"m/0","sentAt":"2026-01-01T12:00:00Z","batch":{"mpid":-7,"user":{"x":[ ]}},"event":{"a":1.50}}"#,
            "\n",
            r#"{"eventKey":"m/1","sentAt":"2026-01-01T12:00:00Z","batch":{"mpid":-7,"user":{"x":[ ]}},"event":{"b":"\ud83d"}}"#,
            "\n",
        );

        let archive = message("m", body);

        assert_eq!(events(archive.as_bytes()), expected);
        assert_eq!(events(&gzip(&archive)), expected);
    }

    #[test]
    fn what_is_no_batch_with_events_stays_as_it_is() {
        for body in [
            "not JSON",
            "[]",
            "{}",
            r#"{"events":[]}"#,
            r#"{"events":null}"#,
            r#"{"events":[{}],"events":[{}]}"#,
        ] {
            let archive = message("m", body);
            assert_eq!(events(archive.as_bytes()), archive, "{body}");
        }
        assert_eq!(events(b"hello\n{}"), "hello\n{}");
    }

    #[test]
    fn damaged_gzip_keeps_what_came_before() {
        let archive = gzip(&message("m", r#"{"events":[{"a":1}]}"#));

        let events = events(&archive[..archive.len() - 4]);

        let lines: Vec<&str> = events.lines().filter(|line| !line.is_empty()).collect();
        assert!(lines[0].starts_with(r#"{"eventKey":"m/0""#), "{events}");
        assert!(lines[1].starts_with("damaged gzip: "), "{events}");
    }
}
