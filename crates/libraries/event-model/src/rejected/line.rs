//! One line of an object under `rejected/`.

use serde::Serialize;

/// What was rejected, where it is from, and why. A member without a value is left out.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RejectedLine<'a> {
    /// A short fixed code, such as `not_gzip`.
    pub reason: &'static str,
    /// A readable explanation.
    pub detail: &'a str,
    /// The key of the object it came from, or the id of the message if it names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_key: Option<&'a str>,
    /// The id of the message that it is part of, when the object has many messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<&'a str>,
    /// Its index in the source, from 0, when only a part of it is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<u64>,
    /// Where it begins, in bytes from the start of the source, expanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// How many bytes it has there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// The item itself, when it is not kept elsewhere, or to show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<&'a str>,
    /// The same in base64, when it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_base64: Option<&'a str>,
}

impl RejectedLine<'_> {
    /// Appends the line and its line end.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, self)
            .expect("text and numbers are always JSON, and a vector accepts them");
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: RejectedLine<'_> = RejectedLine {
        reason: "not_gzip",
        detail: "invalid gzip header",
        source_key: Some("raw/sparkpost/dt=2026-01-01/x.json.gz"),
        message_id: None,
        ordinal: None,
        offset: None,
        length: None,
        item: None,
        item_base64: None,
    };

    #[test]
    fn members_without_a_value_are_left_out() {
        let mut lines = Vec::new();
        LINE.append_to(&mut lines);
        RejectedLine {
            message_id: Some("m"),
            ordinal: Some(3),
            item: Some("{}"),
            ..LINE
        }
        .append_to(&mut lines);

        assert_eq!(
            String::from_utf8(lines).unwrap(),
            concat!(
                r#"{"reason":"not_gzip","detail":"invalid gzip header","source_key":"raw/sparkpost/dt=2026-01-01/x.json.gz"}"#,
                "\n",
                r#"{"reason":"not_gzip","detail":"invalid gzip header","source_key":"raw/sparkpost/dt=2026-01-01/x.json.gz","message_id":"m","ordinal":3,"item":"{}"}"#,
                "\n",
            )
        );
    }
}
