//! From the archived messages of the forwarding queue to a line of JSON for each event in them.
//!
//! A message is a batch: what is said once for all of its events, and the events. Each event becomes
//! `{"eventKey": …, "sentAt": …, "batch": {all but the events}, "event": {…}}`, every value the text it came as. A line that is no
//! message, and a message that is no batch with events, stay as they are: what cannot become a row is for the converter to
//! judge, and a message without events is a row that says so.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read},
    ops::Range,
};

use event_model::mparticle::ArchivedMessage;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::gzip::Expanded;

const EVENTS: &str = "events";

/// The longest line that may be a message: a body of 1 MiB, the most that a queue takes, is twice as long at worst once it is
/// written as a string.
const MAX_LINE_BYTES: u64 = 4 << 20;

/// What one message may become. Every event has all that its batch says, so that a body of 1 MiB could become
/// terabytes.
const MAX_MESSAGE_BYTES: usize = 256 << 20;

/// Reads archived messages, gzip or plain, as events.
struct Events<'a> {
    messages: BufReader<Expanded<'a>>,
    line: Vec<u8>,
    /// Whether the last line was cut at the longest length, so that what follows is still of it.
    is_cut: bool,
    /// The message whose events are being read.
    message: Option<Message>,
    /// What is given out now, and how much of it was read.
    made: Vec<u8>,
    read: usize,
    is_over: bool,
}

/// A batch with events, taken apart.
struct Message {
    id: String,
    sent_at: String,
    body: String,
    /// What the batch says of all its events, JSON.
    batch: Box<RawValue>,
    /// Where the events are in the body.
    events: Vec<Range<usize>>,
    /// The place of the next event.
    next: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    event_key: String,
    sent_at: &'a str,
    batch: &'a RawValue,
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
        is_cut: false,
        message: None,
        made: Vec::new(),
        read: 0,
        is_over: false,
    })))
}

impl Read for Events<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.made.len() && !self.is_over {
            self.made.clear();
            self.read = 0;
            self.make_more()?;
        }
        let rest = self.made.get(self.read..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.read += len;
        Ok(len)
    }
}

impl Events<'_> {
    /// Makes the next event, of the message in hand or of the next line.
    fn make_more(&mut self) -> io::Result<()> {
        if let Some(message) = &mut self.message {
            if message.write_next(&mut self.made) {
                return Ok(());
            }
            self.message = None;
        }
        self.line.clear();
        let mut line = (&mut self.messages).take(MAX_LINE_BYTES);
        match line.read_until(b'\n', &mut self.line) {
            Ok(0) => self.is_over = true,
            Ok(_) => {
                let is_rest = self.is_cut;
                self.is_cut = self.line.last() != Some(&b'\n');
                match read_message(&self.line) {
                    Some(Ok(message)) if !is_rest => self.message = Some(message),
                    // Text that is no object: the converter rejects it, and shows it.
                    Some(Err(why)) if !is_rest => self.made.extend_from_slice(why.as_bytes()),
                    Some(_) | None => self.made.extend_from_slice(&self.line),
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

/// The message in a line; `None` when it is none, or holds no events. The error is what is said of one that holds too much.
fn read_message(line: &[u8]) -> Option<Result<Message, String>> {
    let message: ArchivedMessage<'_> = serde_json::from_slice(line).ok()?;
    let text = message.body.trim_start_matches('\u{feff}');
    let mut batch: Members<'_> = serde_json::from_str(text).ok()?;
    let is_events = |(name, _): &(String, &RawValue)| name == EVENTS;
    let mut members = batch.0.iter().filter(|member| is_events(member));
    let ((_, list), None) = (members.next()?, members.next()) else {
        // Two members of that name: which of them counts is not for us to say.
        return None;
    };
    let events: Vec<&RawValue> = serde_json::from_str(list.get()).ok()?;
    // They borrow from the list, which borrows from the body.
    let events: Vec<Range<usize>> = events
        .iter()
        .filter_map(|event| place_in(&message.body, event.get()))
        .collect();
    batch.0.retain(|member| !is_events(member));
    let batch = serde_json::value::to_raw_value(&batch).ok()?;
    if events.is_empty() {
        return None;
    }
    let bytes = events.len().saturating_mul(batch.get().len());
    if bytes > MAX_MESSAGE_BYTES {
        return Some(Err(format!(
            "message {}: its batch says {} bytes of each of {} events, which is more than {MAX_MESSAGE_BYTES} in all\n",
            message.message_id,
            batch.get().len(),
            events.len(),
        )));
    }
    Some(Ok(Message {
        id: message.message_id.into_owned(),
        sent_at: message.sent_at.into_owned(),
        body: message.body.into_owned(),
        batch,
        events,
        next: 0,
    }))
}

/// Where `part`, a piece of `text` itself, is in it.
fn place_in(text: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (end <= text.len()).then_some(start..end)
}

impl Message {
    /// Writes the next event as a line; false when there is none.
    fn write_next(&mut self, out: &mut Vec<u8>) -> bool {
        let place = self.next;
        let Some(range) = self.events.get(place) else {
            return false;
        };
        self.next += 1;
        let event = self.body.get(range.clone()).unwrap_or("null");
        let event: &RawValue = serde_json::from_str(event).expect("a value of JSON is JSON");
        let line = Line {
            event_key: format!("{}/{place}", self.id),
            sent_at: &self.sent_at,
            batch: &self.batch,
            event,
        };
        serde_json::to_writer(&mut *out, &line).expect("members of JSON are JSON");
        out.push(b'\n');
        true
    }
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
            r#"{"events":7}"#,
        ] {
            let archive = message("m", body);
            assert_eq!(events(archive.as_bytes()), archive, "{body}");
        }
        assert_eq!(events(b"hello\n{}"), "hello\n{}");
    }

    #[test]
    fn byte_order_mark_in_a_body_is_no_part_of_it() {
        let archive = message("m", "\u{feff}{\"events\":[{\"a\":1}]}");

        let expected =
            r#"{"eventKey":"m/0","sentAt":"2026-01-01T12:00:00Z","batch":{},"event":{"a":1}}"#;
        assert_eq!(events(archive.as_bytes()), format!("{expected}\n"));
    }

    #[test]
    fn what_a_batch_says_of_too_many_events_is_told_and_not_written() {
        let attribute = "x".repeat(400_000);
        let list = vec!["{}"; 1_000].join(",");
        let large = message("m", &format!(r#"{{"a":"{attribute}","events":[{list}]}}"#));
        let next = message("n", r#"{"events":[{"a":1}]}"#);

        let events = events((large + &next).as_bytes());

        let lines: Vec<&str> = events.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(
            lines[0].starts_with("message m: its batch says 400008 bytes of each of 1000 events"),
            "{}",
            lines[0]
        );
        assert!(lines[1].starts_with(r#"{"eventKey":"n/0""#));
    }

    #[test]
    fn line_without_an_end_is_passed_on_in_pieces_of_bounded_size() {
        let limit = usize::try_from(MAX_LINE_BYTES).unwrap();
        let long = "x".repeat(2 * limit + 5);
        let rest = message("m", r#"{"events":[{"a":1}]}"#);

        let events = events(format!("{long}{rest}").as_bytes());

        assert_eq!(
            events,
            format!("{long}{rest}"),
            "what follows is of the same line"
        );
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
