//! Short-lived tokens for SparkPost's OAuth 2.0: an expiry and its signature under a scope's key. Nothing is stored, so
//! a token is valid until it expires or its key is no longer accepted.

use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The lifetime that the response states.
pub const ANNOUNCED: Duration = Duration::from_hours(1);
/// Additional lifetime, so that a sender that renews its token on time is never refused.
const GRACE: Duration = Duration::from_mins(10);
/// Distinguishes tokens from keys, and this form from later ones.
const PREFIX: &str = "ct1.";

/// A token for a caller who knows `key`.
pub fn issue(key: &SecretString, now: SystemTime) -> SecretString {
    let expiry = seconds(now + ANNOUNCED + GRACE);
    SecretString::from(format!("{PREFIX}{expiry}.{}", signature(key, expiry)))
}

/// Whether `credential` looks like a token, which no key does.
pub fn is_token(credential: &SecretString) -> bool {
    expiry(credential.expose_secret()).is_some()
}

/// The token that `key` would have made with the expiry of `credential`, for comparison; `None` if `credential` is not
/// a token or has expired.
pub(crate) fn expected(
    key: &SecretString,
    credential: &SecretString,
    now: SystemTime,
) -> Option<SecretString> {
    let expiry = expiry(credential.expose_secret()).filter(|expiry| *expiry > seconds(now))?;
    Some(SecretString::from(format!(
        "{PREFIX}{expiry}.{}",
        signature(key, expiry)
    )))
}

fn expiry(token: &str) -> Option<u64> {
    let (expiry, _) = token.strip_prefix(PREFIX)?.split_once('.')?;
    expiry.parse().ok()
}

fn signature(key: &SecretString, expiry: u64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(format!("token {expiry}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn is_accepted(key: &str, token: &str, after: Duration) -> bool {
        let token = SecretString::from(token);
        expected(&SecretString::from(key), &token, NOW + after)
            .is_some_and(|expected| expected.expose_secret() == token.expose_secret())
    }

    #[test]
    fn token_is_that_of_its_key_until_it_expires() {
        let token = issue(&SecretString::from("key"), NOW);
        let token = token.expose_secret();

        assert!(is_accepted("key", token, Duration::ZERO));
        assert!(is_accepted("key", token, ANNOUNCED));
        assert!(!is_accepted("key", token, ANNOUNCED + GRACE));
        assert!(!is_accepted("other", token, Duration::ZERO));
    }

    #[test]
    fn token_with_another_expiry_or_form_is_none() {
        let token = issue(&SecretString::from("key"), NOW);
        let signature = token.expose_secret().rsplit('.').next().unwrap();

        for changed in [
            format!("ct1.9999999999.{signature}"),
            format!("ct1..{signature}"),
            format!("ct2.4200.{signature}"),
            "ct1.".to_owned(),
            "key".to_owned(),
            String::new(),
        ] {
            assert!(!is_accepted("key", &changed, Duration::ZERO), "{changed}");
        }
    }
}
