//! Bodies that a malicious or mistaken sender with a key can send.

use aws_io::gzip;
use event_samples::random::Random;

/// Half of a gateway's limit for bodies without an encoding, because a program of a debug build takes ten times as
/// long. Limits on numbers apply much earlier.
const PLAIN_BYTES: usize = 3_000_000;
/// The limit of a batch's expanded size.
const EXPANDED_BYTES: usize = 32 << 20;

/// One kind of junk.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) body: Vec<u8>,
}

/// Every kind as the body of a batch of email events, or as a raw object.
pub(crate) fn bodies() -> Vec<Shape> {
    let mut shapes = scaled(PLAIN_BYTES);
    shapes.extend([
        shape("32 MiB of white space", vec![b' '; EXPANDED_BYTES]),
        shape("a string of 32 MiB", quoted(b"x", EXPANDED_BYTES - 100)),
        shape(
            "an event of 32 MiB of NUL escapes",
            event_of(b"\\u0000", EXPANDED_BYTES - 200),
        ),
        shape(
            "an event of 30 MiB of bytes that are not UTF-8",
            event_of(b"\xff", 30 << 20),
        ),
        shape("32 MiB of brackets", vec![b'['; EXPANDED_BYTES]),
        shape("a key of 30 MiB with an escape", {
            let mut body = b"[{\"\\u0041".to_vec();
            body.resize(30 << 20, b'k');
            body.extend_from_slice(b"\":1}]");
            body
        }),
        shape("460,000 minimal events", minimal_events(460_000, true)),
        shape(
            "600,000 minimal events without ids",
            minimal_events(600_000, false),
        ),
        shape("150,000 events that are repaired", repaired_events(150_000)),
    ]);
    shapes
}

/// Bodies of other senders than SparkPost, each of whose items becomes something longer, or is held in memory.
pub(crate) fn of_senders() -> Vec<Shape> {
    vec![
        shape(
            "two million empty objects",
            repeated("[", "{}", ",", "]", 6_000_000),
        ),
        shape(
            "sixteen million numbers",
            repeated("[", "1", ",", "]", EXPANDED_BYTES),
        ),
        shape(
            "one object after the other",
            repeated("", "{}", "\n", "", 6_000_000),
        ),
        shape(
            "an object with one key many times",
            repeated("{", r#""":1"#, ",", "}", EXPANDED_BYTES),
        ),
        shape(
            "a form with one field many times",
            repeated("", "a=", "&", "", EXPANDED_BYTES),
        ),
        shape("a form with many fields", {
            let fields: Vec<String> = (0..200_000).map(|n| format!("{n:06}=")).collect();
            fields.join("&").into_bytes()
        }),
    ]
}

/// Kinds that exist at any size.
pub(crate) fn scaled(bytes: usize) -> Vec<Shape> {
    let list = |item: &str| repeated("[", item, ",", "]", bytes);
    vec![
        shape("nothing", Vec::new()),
        shape("numbers", list("1")),
        shape("nulls", list("null")),
        shape("empty objects", list("{}")),
        shape("empty arrays", list("[]")),
        shape("empty strings", list("\"\"")),
        shape("pings", list(r#"{"msys":{}}"#)),
        shape("events without anything", list(r#"{"msys":{"m":{}}}"#)),
        shape(
            "events of 1970",
            list(r#"{"msys":{"m":{"timestamp":"1"}}}"#),
        ),
        shape(
            "events under a list",
            repeated(r#"{"events":["#, "0", ",", "]}", bytes),
        ),
        shape(
            "NDJSON of empty objects",
            repeated("", "{}", "\n", "", bytes),
        ),
        shape("NDJSON of numbers", repeated("", "1", "\n", "", bytes)),
        shape("deep arrays", nested(b"[", b"]", bytes)),
        shape("deep objects", nested(b"{\"a\":", b"}", bytes)),
        shape("one long string", quoted(b"x", bytes)),
        shape("one string of escapes", quoted(b"\\u0041", bytes)),
        shape("half surrogates", list(r#""\ud83d""#)),
        shape("NUL escapes", list(r#"{"msys":{"m":{"x":"\u0000"}}}"#)),
        shape("NUL bytes", vec![0; bytes]),
        shape("many keys", {
            let keys = (0..bytes / 10)
                .map(|n| format!("\"{n:06}\":1"))
                .collect::<Vec<_>>();
            format!("[{{{}}}]", keys.join(",")).into_bytes()
        }),
        shape(
            "one key many times",
            repeated("[{", r#""a":1"#, ",", "}]", bytes),
        ),
        shape("many classes", {
            let classes = (0..bytes / 12)
                .map(|n| format!("\"{n:06}\":{{}}"))
                .collect::<Vec<_>>();
            format!(r#"[{{"msys":{{{}}}}}]"#, classes.join(",")).into_bytes()
        }),
        shape(
            "long numbers",
            repeated("[", &"9".repeat(5_000), ",", "]", bytes),
        ),
        shape("a body that breaks off", {
            let mut body = list("1");
            body.truncate(bytes - 2);
            body
        }),
        shape(
            "byte order marks",
            "\u{feff}".repeat(bytes / 3).into_bytes(),
        ),
        shape("UTF-16", {
            let text = "[{\"a\":1}]"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<_>>();
            [b"\xff\xfe".to_vec(), text.repeat(bytes / text.len())].concat()
        }),
        shape("gzip twice", gzip::encode(&list("1"))),
        shape(
            "zstd",
            [b"\x28\xb5\x2f\xfd".to_vec(), noise(bytes, 7)].concat(),
        ),
        shape("noise", noise(bytes, 7)),
        shape("no line ends", vec![b'x'; bytes]),
        shape("line ends", vec![b'\n'; bytes]),
        shape("commas", vec![b','; bytes]),
        shape("colons", repeated("{", ":", "", "}", bytes)),
    ]
}

fn shape(name: &'static str, body: Vec<u8>) -> Shape {
    Shape { name, body }
}

/// As many items as fit.
fn repeated(front: &str, item: &str, separator: &str, back: &str, bytes: usize) -> Vec<u8> {
    let room = bytes - front.len() - back.len() - item.len();
    let more = format!("{separator}{item}");
    let list = item.to_owned() + &more.repeat(room / more.len());
    [front, &list, back].concat().into_bytes()
}

fn nested(open: &[u8], close: &[u8], bytes: usize) -> Vec<u8> {
    let depth = bytes / (open.len() + close.len()) - 2;
    let inner = [open.repeat(depth), b"1".to_vec(), close.repeat(depth)].concat();
    [b"[".to_vec(), inner, b"]".to_vec()].concat()
}

fn quoted(text: &[u8], bytes: usize) -> Vec<u8> {
    let text = text.repeat((bytes - 4) / text.len());
    [b"[\"".to_vec(), text, b"\"]".to_vec()].concat()
}

fn event_of(text: &[u8], bytes: usize) -> Vec<u8> {
    let text = text.repeat(bytes / text.len());
    let front = format!(r#"[{{"msys":{{"m":{{"timestamp":"{}","x":""#, timestamp());
    [front.into_bytes(), text, b"\"}}}]".to_vec()].concat()
}

fn minimal_events(count: i64, has_id: bool) -> Vec<u8> {
    let newest = timestamp();
    let events = (0..count).map(|n| {
        let id = if has_id {
            format!(r#","event_id":"{n:x}""#)
        } else {
            String::new()
        };
        format!(
            r#"{{"msys":{{"m":{{"type":"o","timestamp":"{}"{id}}}}}}}"#,
            newest - n % 400_000
        )
    });
    format!("[{}]", events.collect::<Vec<_>>().join(",")).into_bytes()
}

/// Each has texts that Postgres cannot store unchanged, so that nothing can be borrowed from the body.
fn repaired_events(count: i64) -> Vec<u8> {
    let newest = timestamp();
    let events = (0..count).map(|n| {
        format!(
            r#"{{"msys":{{"m":{{"timestamp":"{}","event_id":"{n}","rcpt_to":"a@b","subject":"\u0000","reason":"\ud83d","campaign_id":"c","template_id":"t","message_id":"m"}}}}}}"#,
            newest - n % 400_000
        )
    });
    format!("[{}]", events.collect::<Vec<_>>().join(",")).into_bytes()
}

fn timestamp() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

/// Pseudo-random bytes, the same for the same seed.
pub(crate) fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut noise = Vec::with_capacity(bytes + 8);
    while noise.len() < bytes {
        noise.extend_from_slice(&random.bits().to_le_bytes());
    }
    noise.truncate(bytes);
    noise
}
