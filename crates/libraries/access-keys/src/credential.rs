//! The key that a caller presents in an `Authorization` header.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use secrecy::SecretString;

/// Some clients omit the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key in the value of an `Authorization` header; `None` if it has none or several.
///
/// A value that starts with neither `Bearer` nor `Basic` is a key as a whole, as in SparkPost's own API.
pub fn presented_key(authorization: &str) -> Option<SecretString> {
    let value = authorization.trim();
    let (scheme, rest) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
    let key = if scheme.eq_ignore_ascii_case("bearer") {
        rest.trim_start().to_owned()
    } else if scheme.eq_ignore_ascii_case("basic") {
        basic_key(rest.trim_start())?
    } else {
        value.to_owned()
    };
    (!key.is_empty()).then(|| SecretString::from(key))
}

/// The password, or the user when the password is empty.
fn basic_key(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':').unwrap_or((&decoded, ""));
    Some(if password.is_empty() { user } else { password }.to_owned())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn basic(pair: &str) -> String {
        format!("Basic {}", BASE64.encode(pair))
    }

    #[test]
    fn every_form_of_a_key_is_understood() {
        let table = [
            ("k3y".to_owned(), Some("k3y")),
            ("  k3y  ".to_owned(), Some("k3y")),
            ("a key of words".to_owned(), Some("a key of words")),
            ("Bearer k3y".to_owned(), Some("k3y")),
            ("bearer k3y".to_owned(), Some("k3y")),
            ("BEARER \t  k3y ".to_owned(), Some("k3y")),
            (basic("user:k3y"), Some("k3y")),
            (basic("k3y:"), Some("k3y")),
            (basic(":k3y"), Some("k3y")),
            (basic("k3y"), Some("k3y")),
            (basic("user:k3y:with:colons"), Some("k3y:with:colons")),
            (basic("user:k3y").replace("Basic", "basic  "), Some("k3y")),
            (
                basic("user:k3y").trim_end_matches('=').to_owned(),
                Some("k3y"),
            ),
            (basic(":"), None),
            (basic(""), None),
            ("Basic not*base64".to_owned(), None),
            ("Basic /w==".to_owned(), None),
            ("Basic".to_owned(), None),
            ("Bearer".to_owned(), None),
            ("Bearer  ".to_owned(), None),
            (String::new(), None),
            ("   ".to_owned(), None),
        ];

        for (authorization, key) in table {
            let presented = presented_key(&authorization);
            assert_eq!(
                presented.as_ref().map(ExposeSecret::expose_secret),
                key,
                "{authorization:?}"
            );
        }
    }
}
