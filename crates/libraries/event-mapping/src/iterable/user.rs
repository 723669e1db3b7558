//! The user of a request, by one name.

use std::fmt;

use event_model::json::JsonObject;

/// The longest `userId`.
pub const MAX_USER_ID_CHARS: usize = 52;

/// RFC 5321 section 4.5.3.1.
const MAX_EMAIL_BYTES: usize = 254;
const MAX_LOCAL_PART_BYTES: usize = 64;
const MAX_LABEL_BYTES: usize = 63;

/// An e-mail address or a user id, never both, of a form that Iterable accepts. Its debug text does not show it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum User {
    /// `email`.
    Email(String),
    /// `userId`.
    UserId(String),
}

/// Why a text is not the name of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// Not of the form `local@domain.tld`, too long, or with spaces or control characters.
    #[error("no e-mail address")]
    Email,
    /// Not 1 to 52 printable ASCII characters, or with a space at the end.
    #[error(
        "no user id: 1 to {MAX_USER_ID_CHARS} printable ASCII characters without a space at the end"
    )]
    UserId,
    /// A word that means "no user": sending it would merge many people into one.
    #[error("a placeholder, not a user")]
    Placeholder,
}

impl User {
    /// Reads an e-mail address. White space around it, such as the line end of a file, is removed.
    pub fn email(text: &str) -> Result<Self, UserError> {
        let text = text.trim();
        refuse_placeholder(text)?;
        if is_email(text) {
            Ok(Self::Email(text.to_owned()))
        } else {
            Err(UserError::Email)
        }
    }

    /// Reads a user id. Its case is kept, because Iterable distinguishes case.
    pub fn user_id(text: &str) -> Result<Self, UserError> {
        refuse_placeholder(text)?;
        let printable = text.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
        let fits = (1..=MAX_USER_ID_CHARS).contains(&text.len());
        if printable && fits && !text.ends_with(' ') {
            Ok(Self::UserId(text.to_owned()))
        } else {
            Err(UserError::UserId)
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        match self {
            Self::Email(name) | Self::UserId(name) => name,
        }
    }

    /// The member that has the name.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::UserId(_) => "userId",
        }
    }

    pub(super) fn write(&self, object: &mut JsonObject) {
        object.text(self.field(), self.name());
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({})", self.field())
    }
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let forbidden =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '@');
    let local_ok = (1..=MAX_LOCAL_PART_BYTES).contains(&local.len())
        && !local.contains(forbidden)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let label_ok = |label: &str| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    local_ok
        && text.len() <= MAX_EMAIL_BYTES
        && domain.contains('.')
        && domain.split('.').all(label_ok)
}

/// Placeholders that senders use for a missing name. Digits and words that could be an id are not listed.
fn refuse_placeholder(text: &str) -> Result<(), UserError> {
    const WORDS: [&str; 14] = [
        "0",
        "-1",
        "null",
        "(null)",
        "nil",
        "none",
        "undefined",
        "unknown",
        "anonymous",
        "n/a",
        "nan",
        "true",
        "false",
        "[object object]",
    ];
    let word = text.trim();
    let all_zero = word.bytes().all(|byte| matches!(byte, b'0' | b'-')) && word.contains('0');
    // A template that was never filled: `%%email%%`, `{{ user.id }}`, `${id}`.
    let template = ["%%", "{{", "${", "<%"]
        .iter()
        .any(|opening| word.starts_with(opening));
    if all_zero || template || WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)) {
        return Err(UserError::Placeholder);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for text in [
            "ada@example.com",
            "a.b+c@sub.example.co",
            "jörg@bücher.example",
            " ada@example.com ",
            "ada@example.com\r\n",
            "\tada@example.com\n",
        ] {
            assert!(User::email(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "x".repeat(65));
        for text in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "a da@example.com",
            "ada@exa mple.com",
            "\0a\0@\0x\0.\0o\0r\0g",
            "ada@example.com\u{7f}",
            ".ada@example.com",
            "a..b@example.com",
            "ada@-x.org",
            "Ada <ada@example.com>",
            "ada@x.org,b@x.org",
            "a@b@x.org",
            "ada@example.com\nbob@example.com",
            "ada@\nexample.com",
            "ada@example..com",
            long.as_str(),
        ] {
            assert_eq!(User::email(text), Err(UserError::Email), "{text:?}");
        }
    }

    #[test]
    fn user_ids_are_up_to_52_printable_ascii_characters() {
        assert!(User::user_id(&"x".repeat(52)).is_ok());
        assert!(User::user_id("a user~1").is_ok());
        for text in ["", &"x".repeat(53), "zoë", "a\u{0}b", "a\n", "trailing "] {
            assert_eq!(User::user_id(text), Err(UserError::UserId), "{text:?}");
        }
    }

    #[test]
    fn placeholders_are_nobody() {
        for text in [
            "0",
            "-1",
            "NULL",
            "undefined",
            "Anonymous",
            "00000000-0000-0000-0000-000000000000",
            "%%id%%",
            "{{user}}",
            " none ",
        ] {
            assert_eq!(User::user_id(text), Err(UserError::Placeholder), "{text}");
            assert_eq!(User::email(text), Err(UserError::Placeholder), "{text}");
        }
        assert!(User::user_id("10").is_ok());
    }

    #[test]
    fn debug_text_shows_no_name() {
        let user = User::email("ada@example.com").unwrap();

        assert_eq!(format!("{user:?}"), "User(email)");
    }
}
