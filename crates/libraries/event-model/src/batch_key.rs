//! The identity of a received batch, and the name under which its bytes are stored.

use std::fmt;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use time::Date;

use crate::Pipeline;

/// What makes two deliveries the same batch: `<batch id>-<first 16 hex digits of the body's SHA-256>`.
///
/// The body is part of the key because an id alone is not: SparkPost's "send test batch" always carries the same
/// one. An id that is missing, longer than 128 characters, holds characters other than `[A-Za-z0-9_.=-]` or would name a sender
/// is replaced by the first 32 hex digits of the hash. The hash is over the decoded body (after base64 and `Content-Encoding`),
/// so it does not depend on the encoding in transit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchKey(String);

impl BatchKey {
    /// The key of a batch from its id, if the provider sent one, and its decoded body.
    pub fn new(batch_id: Option<&str>, body: &[u8]) -> Self {
        // A request's header must not make SparkPost's batch one of another sender.
        let is_kept = |id: &&str| sender_in(id).is_none();
        Self(from_id(batch_id.filter(is_kept), body))
    }

    /// The key of a delivery of another provider: `<sender>=<delivery id>-<first 16 hex digits of the body's SHA-256>`.
    ///
    /// The sender is part of it, so that equal bodies of two senders are two batches. It is the name of one, see [`is_sender_name`].
    /// The id is replaced like a batch's id, and also if it begins with `-` or `=`.
    pub fn of_sender(sender: &str, delivery_id: Option<&str>, body: &[u8]) -> Self {
        let id = delivery_id.filter(|id| !id.starts_with(AFTER_PADDED_ID));
        Self(format!("{sender}={}", from_id(id, body)))
    }

    /// The key of a sender's delivery with a word before its id: `<sender>=<word>=<delivery id>-<hash>`. The hash replaces an id that is
    /// too long beside it. The key itself, if it is SparkPost's or the word cannot be in a key.
    #[must_use]
    pub fn with_word(self, word: &str) -> Self {
        let Some((sender, rest)) = self.sender().and_then(|_| self.0.split_once('=')) else {
            return self;
        };
        let is_word = word.len() < MAX_ID_LENGTH
            && is_safe_name(word)
            && !word.contains('=')
            && !word.starts_with('-');
        let Some((id, hash)) = rest.rsplit_once('-').filter(|_| is_word) else {
            return self;
        };
        let has_room = word.len() + id.len() < MAX_ID_LENGTH;
        let id = if has_room { id } else { hash };
        Self(format!("{sender}={word}={id}-{hash}"))
    }

    /// The sender of a delivery of another provider than SparkPost. SparkPost's own ids have no such form.
    pub fn sender(&self) -> Option<&str> {
        sender_in(&self.0)
    }

    /// The id of the batch or of the delivery, or what replaces it.
    pub fn batch_id(&self) -> &str {
        let key = match self.sender() {
            Some(sender) => &self.0[sender.len() + 1..],
            None => &self.0,
        };
        key.rsplit_once('-').map_or(key, |(id, _)| id)
    }

    /// The key under which the batch is stored: `raw/sparkpost/dt=YYYY-MM-DD/<key>.json.gz`, or of another sender
    /// `raw/email/dt=YYYY-MM-DD/<key>.json.gz`.
    ///
    /// `received_on` is the UTC date of arrival.
    pub fn object_key(&self, received_on: Date) -> String {
        let (year, month, day) = received_on.to_calendar_date();
        let month = u8::from(month);
        let prefix = if self.sender().is_some() {
            SENDERS_PREFIX
        } else {
            PREFIX
        };
        format!(
            "{prefix}{DAY}{year:04}-{month:02}-{day:02}/{}{SUFFIX}",
            self.0
        )
    }

    /// The key as it is stored, for instance in a row of `batches`; none of a text that is not one.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() <= MAX_KEY_LENGTH && is_safe_name(text)).then(|| Self(text.to_owned()))
    }

    /// Reads the key from the key of the batch's object.
    ///
    /// Accepts any name of safe characters, so that objects uploaded by hand can be loaded too.
    pub fn from_object_key(object_key: &str) -> Result<Self, ObjectKeyError> {
        Self::read(object_key).ok_or_else(|| ObjectKeyError {
            object_key: object_key.to_owned(),
        })
    }

    fn read(object_key: &str) -> Option<Self> {
        let (of_sender, rest) = match object_key.strip_prefix(SENDERS_PREFIX) {
            Some(rest) => (true, rest),
            None => (false, object_key.strip_prefix(PREFIX)?),
        };
        let rest = rest.strip_prefix(DAY)?.strip_suffix(SUFFIX)?;
        let (date, name) = rest.split_once('/')?;
        let key = Self::parse(name).filter(|_| is_date(date))?;
        (key.sender().is_some() == of_sender).then_some(key)
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for BatchKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// An object key that is not one of a batch.
#[derive(Debug, thiserror::Error)]
#[error(
    "object key {object_key:?} is neither of the form {PREFIX}{DAY}YYYY-MM-DD/<batch key>{SUFFIX} nor {SENDERS_PREFIX}{DAY}YYYY-MM-DD/<sender>=<delivery>{SUFFIX}"
)]
pub struct ObjectKeyError {
    object_key: String,
}

const PREFIX: &str = "raw/sparkpost/";
const SENDERS_PREFIX: &str = Pipeline::SENDERS_PREFIX;
const DAY: &str = "dt=";
const SUFFIX: &str = ".json.gz";
const MAX_ID_LENGTH: usize = 128;
/// More than any key that [`BatchKey::new`] makes, and far from S3's limit of 1,024 bytes for the whole object key.
const MAX_KEY_LENGTH: usize = 256;

/// What follows the padding of an id in base64 that has no sender before it: more padding, or the hash.
const AFTER_PADDED_ID: [char; 2] = ['-', '='];

/// An id that can be part of a key, or what replaces it, and the beginning of the body's hash.
fn from_id(id: Option<&str>, body: &[u8]) -> String {
    let digest = to_hex(&Sha256::digest(body));
    let id = id
        .filter(|id| id.len() <= MAX_ID_LENGTH && is_safe_name(id))
        .unwrap_or(&digest[..32]);
    format!("{id}-{}", &digest[..16])
}

/// The sender that a key names, or an id would name as a key.
fn sender_in(text: &str) -> Option<&str> {
    let (sender, rest) = text.split_once('=')?;
    let is_own = is_sender_name(sender) && !rest.starts_with(AFTER_PADDED_ID) && !rest.is_empty();
    is_own.then_some(sender)
}

/// The characters that need no escaping in an S3 key, in a notification and in a URL.
pub(crate) fn is_safe_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.=-".contains(&byte))
}

/// Whether a text can be the name of a sender: lower-case letters, digits and hyphens, a letter first.
pub fn is_sender_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_date(text: &str) -> bool {
    let digits_fit = text.split('-').map(str::len).eq([4, 2, 2]);
    digits_fit
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
}

fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
            hex
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::date;

    use super::*;

    const TEST_BATCH_ID: &str = "77c2b630-d712-11e4-9642-efc2723b99c1";

    #[test]
    fn same_id_with_other_bytes_is_another_batch() {
        let first = BatchKey::new(Some(TEST_BATCH_ID), b"[]");
        let second = BatchKey::new(Some(TEST_BATCH_ID), b"[ ]");

        assert_eq!(
            first.as_str(),
            "77c2b630-d712-11e4-9642-efc2723b99c1-4f53cda18c2baa0c"
        );
        assert_ne!(first, second);
        assert_eq!(first, BatchKey::new(Some(TEST_BATCH_ID), b"[]"));
    }

    #[test]
    fn word_stands_before_the_id_of_a_senders_delivery() {
        let with_word = |id, word| {
            let key = BatchKey::of_sender("github", Some(id), b"[]").with_word(word);
            key.as_str().to_owned()
        };
        let long = "a".repeat(120);

        assert_eq!(with_word("d1", "push"), "github=push=d1-4f53cda18c2baa0c");
        assert_eq!(
            with_word(&long, "pull_request"),
            "github=pull_request=4f53cda18c2baa0c-4f53cda18c2baa0c"
        );
        for word in ["", "a=b", "a/b", "-a", &"a".repeat(128)] {
            assert_eq!(
                with_word("d1", word),
                "github=d1-4f53cda18c2baa0c",
                "{word}"
            );
        }
        let of_sparkpost = BatchKey::new(Some("d1"), b"[]");
        assert_eq!(of_sparkpost.clone().with_word("push"), of_sparkpost);
    }

    #[test]
    fn missing_or_strange_ids_fall_back_to_the_hash() {
        let from_hash = BatchKey::new(None, b"[]");
        let too_long = "a".repeat(129);

        assert_eq!(
            from_hash.as_str(),
            "4f53cda18c2baa0c0354bb5f9a3ecbe5-4f53cda18c2baa0c"
        );
        for id in ["", " ", "a/b", "../x", "a,a", "é", "a\nb", &too_long] {
            assert_eq!(BatchKey::new(Some(id), b"[]"), from_hash, "{id:?}");
        }
    }

    #[test]
    fn object_key_has_the_date_of_arrival() {
        let key = BatchKey::new(Some("b1"), b"[]");

        assert_eq!(
            key.object_key(date!(2026 - 02 - 03)),
            "raw/sparkpost/dt=2026-02-03/b1-4f53cda18c2baa0c.json.gz"
        );
    }

    #[test]
    fn foreign_object_keys_are_refused() {
        for object_key in [
            "",
            "raw/sparkpost/dt=2026-02-03/.json.gz",
            "raw/sparkpost/dt=2026-02-03/b1.json",
            "raw/sparkpost/dt=2026-02-03/deeper/b1.json.gz",
            "raw/sparkpost/dt=today/b1.json.gz",
            "raw/sparkpost/b1.json.gz",
            "raw/track/dt=2026-02-03/b1.json.gz",
            "raw/sparkpost/dt=2026-02-03/b 1.json.gz",
        ] {
            assert!(
                BatchKey::from_object_key(object_key).is_err(),
                "{object_key:?}"
            );
        }
    }

    #[test]
    fn deliveries_of_senders_have_a_place_of_their_own() {
        let key = BatchKey::of_sender("resend", Some("msg_1"), b"[]");
        let without_id = BatchKey::of_sender("sendgrid", None, b"[]");

        assert_eq!(
            key.object_key(date!(2026 - 02 - 03)),
            "raw/email/dt=2026-02-03/resend=msg_1-4f53cda18c2baa0c.json.gz"
        );
        assert_eq!((key.sender(), key.batch_id()), (Some("resend"), "msg_1"));
        assert_eq!(without_id.batch_id(), "4f53cda18c2baa0c0354bb5f9a3ecbe5");
        assert_ne!(without_id, BatchKey::of_sender("mailgun", None, b"[]"));
        for foreign in [
            "raw/email/dt=2026-02-03/msg_1-4f53cda18c2baa0c.json.gz",
            "raw/email/dt=2026-02-03/Resend=msg_1.json.gz",
            "raw/sparkpost/dt=2026-02-03/resend=msg_1-4f53cda18c2baa0c.json.gz",
        ] {
            assert!(BatchKey::from_object_key(foreign).is_err(), "{foreign}");
        }
    }

    #[test]
    fn padding_of_an_id_names_no_sender() {
        for id in ["ywjj=", "ywjj==", "77c2b630-d712"] {
            let key = BatchKey::new(Some(id), b"[]");

            assert_eq!((key.sender(), key.batch_id()), (None, id));
        }
    }

    #[test]
    fn batch_of_sparkpost_never_names_a_sender() {
        for id in ["resend=msg_1", "a=b", "a=b=", "a-1==b", "a=b-c"] {
            let key = BatchKey::new(Some(id), b"[]");

            assert_eq!(key.sender(), None, "{id}");
            assert!(
                key.object_key(date!(2026 - 02 - 03))
                    .starts_with("raw/sparkpost/")
            );
        }
    }

    #[test]
    fn ids_that_look_like_padding_leave_a_delivery_with_its_sender() {
        for id in ["-", "=", "==", "-a", "=a", "-=", "=-"] {
            let key = BatchKey::of_sender("resend", Some(id), b"[]");

            assert_eq!(key, BatchKey::of_sender("resend", None, b"[]"), "{id}");
            assert_eq!(key.sender(), Some("resend"), "{id}");
        }
    }

    proptest! {
        #[test]
        fn delivery_reads_back_whatever_its_id(
            sender in "[a-z][a-z0-9-]{0,20}",
            id in proptest::option::of(prop_oneof![any::<String>(), "[A-Za-z0-9_.=-]{0,4}"]),
            body: Vec<u8>,
        ) {
            let key = BatchKey::of_sender(&sender, id.as_deref(), &body);

            let object_key = key.object_key(date!(2026 - 12 - 31));

            prop_assert_eq!(key.sender(), Some(sender.as_str()));
            prop_assert_eq!(BatchKey::from_object_key(&object_key).unwrap(), key);
        }

        #[test]
        fn object_key_reads_back_whatever_the_id(
            id in proptest::option::of(prop_oneof![any::<String>(), "[a-z0-9_.=-]{0,5}"]),
            body: Vec<u8>,
        ) {
            let key = BatchKey::new(id.as_deref(), &body);

            let object_key = key.object_key(date!(2026 - 12 - 31));

            prop_assert_eq!(key.sender(), None);
            prop_assert_eq!(BatchKey::from_object_key(&object_key).unwrap(), key);
        }

        #[test]
        fn documented_ids_are_kept(id in "[A-Za-z0-9_.-]{1,126}={0,2}") {
            let key = BatchKey::new(Some(&id), b"[]");

            prop_assert!(key.as_str().starts_with(&id));
        }
    }
}
