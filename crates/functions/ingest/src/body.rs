//! Converts the bytes of a request to a batch: its key, and its object. Pure.

use aws_io::gzip::{self, GunzipError, MAX_BATCH_BYTES};
use axum::http::HeaderMap;
use bytes::Bytes;
use event_model::BatchKey;
use function_kit::ContentEncoding;

/// SparkPost's name for the id of a batch; its own texts differ in the case of the letters.
const BATCH_ID: &str = "x-messagesystems-batch-id";
/// Longer values are not a media type and only waste metadata, which S3 limits to 2 KB.
const MAX_METADATA_VALUE_LEN: usize = 128;

/// A batch as it is stored.
#[derive(Debug)]
pub(crate) struct ReceivedBatch {
    pub(crate) key: BatchKey,
    /// The body, gzipped.
    pub(crate) object: Bytes,
    /// The sender's headers, as object metadata.
    pub(crate) metadata: Vec<(&'static str, String)>,
    /// How `object` was made from the body.
    pub(crate) form: BodyForm,
    /// The length of the body, as received.
    pub(crate) body_bytes: usize,
}

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyForm {
    /// Without an encoding: compressed here.
    Plain,
    /// As gzip, stored unchanged.
    Gzip,
    /// With an encoding that cannot be decoded: compressed unchanged.
    Undecodable,
}

impl BodyForm {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Undecodable => "undecodable",
        }
    }
}

/// A body that expands to more than [`MAX_BATCH_BYTES`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ExpandsTooFar;

/// Names the batch after its id and the hash of its decoded body, so that base64 or gzip in transit does not make it
/// another batch.
pub(crate) fn receive(headers: &HeaderMap, body: Bytes) -> Result<ReceivedBatch, ExpandsTooFar> {
    let body_bytes = body.len();
    let body = DecodedBody::of(headers, body)?;
    Ok(ReceivedBatch {
        body_bytes,
        key: BatchKey::new(single(headers, BATCH_ID), body.bytes()),
        object: body.object(),
        metadata: metadata(headers, &[("batch-id", BATCH_ID)]),
        form: body.form,
    })
}

/// A body without its encoding in transit.
#[derive(Debug)]
pub(crate) struct DecodedBody {
    received: Bytes,
    /// Of one that came as gzip.
    expanded: Option<Vec<u8>>,
    pub(crate) form: BodyForm,
}

impl DecodedBody {
    pub(crate) fn of(headers: &HeaderMap, received: Bytes) -> Result<Self, ExpandsTooFar> {
        let (expanded, form) = match ContentEncoding::of(headers) {
            ContentEncoding::Identity => (None, BodyForm::Plain),
            ContentEncoding::RepeatedGzip | ContentEncoding::Other => (None, BodyForm::Undecodable),
            ContentEncoding::Gzip => match gzip::decode_capped(&received, MAX_BATCH_BYTES) {
                Ok(expanded) => (Some(expanded), BodyForm::Gzip),
                Err(GunzipError::Corrupt(_)) => (None, BodyForm::Undecodable),
                Err(GunzipError::TooLarge { .. }) => return Err(ExpandsTooFar),
            },
        };
        Ok(Self {
            received,
            expanded,
            form,
        })
    }

    /// The length as received.
    pub(crate) fn received_bytes(&self) -> usize {
        self.received.len()
    }

    /// What the sender signed.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.expanded.as_deref().unwrap_or(&self.received)
    }

    /// The bytes as they are stored: gzip, unchanged if they came so.
    pub(crate) fn object(&self) -> Bytes {
        match self.form {
            BodyForm::Gzip => self.received.clone(),
            BodyForm::Plain | BodyForm::Undecodable => gzip::encode(&self.received).into(),
        }
    }
}

/// Headers that are stored with a body, each under the name before it: those that describe it, and the given ones.
pub(crate) fn metadata(
    headers: &HeaderMap,
    own: &[(&'static str, &str)],
) -> Vec<(&'static str, String)> {
    let common = [
        ("content-type", "content-type"),
        ("content-encoding", "content-encoding"),
    ];
    own.iter()
        .copied()
        .chain(common)
        .filter_map(|(name, header)| Some((name, single(headers, header)?)))
        .filter(|(_, value)| (1..=MAX_METADATA_VALUE_LEN).contains(&value.len()))
        .map(|(name, value)| (name, value.to_owned()))
        .collect()
}

/// The value of a header that occurs once and is printable ASCII. A gateway joins repeated ones with commas, which a
/// batch id cannot have; so a repeated one counts as none here too.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        (None | Some(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const BODY: &[u8] = br#"[{"msys":{}}]"#;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::try_from(*name).unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    fn received(pairs: &[(&str, &str)], body: &[u8]) -> ReceivedBatch {
        receive(&headers(pairs), Bytes::copy_from_slice(body)).unwrap()
    }

    #[test]
    fn header_names_count_in_any_case() {
        let keys = [
            "X-MessageSystems-Batch-ID",
            "X-Messagesystems-Batch-Id",
            "x-messagesystems-batch-id",
        ]
        .map(|name| received(&[(name, "abc")], BODY).key.as_str().to_owned());

        assert!(
            keys.iter()
                .all(|key| key.starts_with("abc-") && *key == keys[0]),
            "{keys:?}"
        );
    }

    #[test]
    fn missing_strange_or_repeated_ids_give_way_to_the_hash() {
        let by_hash = received(&[], BODY).key;

        for id in ["", "a b", "../up", "a,b", "\u{e9}"] {
            assert_eq!(received(&[(BATCH_ID, id)], BODY).key, by_hash, "{id:?}");
        }
        let mut repeated = headers(&[(BATCH_ID, "a")]);
        repeated.append(BATCH_ID, HeaderValue::from_static("b"));
        assert_eq!(
            receive(&repeated, Bytes::from_static(BODY)).unwrap().key,
            by_hash
        );
    }

    #[test]
    fn gzip_on_the_way_changes_neither_key_nor_content() {
        let plain = received(&[(BATCH_ID, "a")], BODY);
        let encoded = gzip::encode(BODY);

        for coding in ["gzip", "GZIP", "x-gzip", " gzip ", "identity, gzip"] {
            let zipped = received(&[(BATCH_ID, "a"), ("content-encoding", coding)], &encoded);

            assert_eq!(zipped.form, BodyForm::Gzip, "{coding}");
            assert_eq!(zipped.key, plain.key);
            assert_eq!(zipped.object, encoded);
        }
        assert_eq!(gzip::decode_capped(&plain.object, 100).unwrap(), BODY);
    }

    #[test]
    fn encoding_that_cannot_be_undone_is_kept_as_it_came() {
        for (coding, body) in [
            ("gzip", BODY),
            ("br", BODY),
            ("gzip, gzip", BODY),
            ("gzip", &gzip::encode(BODY)[..15]),
        ] {
            let batch = received(&[("content-encoding", coding)], body);

            assert_eq!(batch.form, BodyForm::Undecodable, "{coding}");
            assert_eq!(gzip::decode_capped(&batch.object, 100).unwrap(), body);
        }
    }

    #[test]
    fn bomb_is_refused() {
        let bomb = gzip::encode(&vec![b' '; 1 << 20]).repeat(MAX_BATCH_BYTES / (1 << 20) + 1);

        let result = receive(&headers(&[("content-encoding", "gzip")]), bomb.into());

        assert_eq!(result.unwrap_err(), ExpandsTooFar);
    }

    #[test]
    fn metadata_holds_what_fits_in_a_header_again() {
        let long = "x".repeat(MAX_METADATA_VALUE_LEN + 1);
        let batch = received(
            &[
                (BATCH_ID, "a,b"),
                ("content-type", "application/json"),
                ("content-encoding", &long),
            ],
            BODY,
        );

        assert_eq!(
            batch.metadata,
            [
                ("batch-id", "a,b".to_owned()),
                ("content-type", "application/json".to_owned())
            ]
        );
    }
}
