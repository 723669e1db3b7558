//! Sessions without a memory: what a browser holds is a time, a random number and their signature.
//!
//! The signing key is made from the stack's `query` key and its id. So a session of one stack is worth nothing to another, anyone
//! who could forge one could sign in anyway, and rotating the key ends every session. The key itself is never in a cookie.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// However much it is used, a session ends this long after the sign-in.
pub(crate) const LONGEST: Duration = Duration::from_hours(8);
/// And this long after its last use.
pub(crate) const LONGEST_IDLE: Duration = Duration::from_hours(1);
/// A session that is used gets a younger cookie from this age on, and not with every page.
const RENEWED_FROM: Duration = Duration::from_mins(15);
/// How long a sign-in page may lie open.
pub(crate) const SIGN_IN_LIMIT: Duration = Duration::from_mins(10);

/// 128 bits that nobody guesses.
pub(crate) type Nonce = [u8; 16];

/// What somebody is signed in as: nobody, since some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// When the key was given.
    pub(crate) started: Timestamp,
    /// When this cookie was made.
    pub(crate) issued: Timestamp,
    /// Tells sessions apart, for the tokens of their forms.
    pub(crate) nonce: Nonce,
}

/// Signs and checks for one stack under one key.
#[derive(Clone)]
pub(crate) struct Signer {
    key: [u8; 32],
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

/// What a signature is for, so that none passes for another.
#[derive(Clone, Copy)]
enum Purpose {
    Session,
    SignIn,
    Form,
    Path,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Session => "console/session/1",
            Self::SignIn => "console/sign-in/1",
            Self::Form => "console/form/1",
            Self::Path => "console/path/1",
        }
    }
}

impl Signer {
    /// The signer of a stack, by its `query` key and its id.
    pub(crate) fn new(query_key: &SecretString, stack_id: &str) -> Self {
        let mac = mac(
            query_key.expose_secret().as_bytes(),
            &[b"console", stack_id.as_bytes()],
        );
        Self { key: mac }
    }

    /// The value of a session's cookie.
    pub(crate) fn session_cookie(&self, session: Session) -> String {
        let text = format!(
            "v1.{}.{}.{}",
            session.started.as_second(),
            session.issued.as_second(),
            hex::encode(session.nonce)
        );
        self.signed(Purpose::Session, &text)
    }

    /// The session in a cookie; none when it is not ours, has ended, or begins in the future.
    pub(crate) fn session(&self, cookie: &str, now: Timestamp) -> Option<Session> {
        let text = self.checked(Purpose::Session, cookie)?;
        let mut parts = text.strip_prefix("v1.")?.split('.');
        let started = second(parts.next()?)?;
        let issued = second(parts.next()?)?;
        let nonce = nonce(parts.next()?)?;
        let is_current = is_within(started, LONGEST, now) && is_within(issued, LONGEST_IDLE, now);
        (is_current && parts.next().is_none()).then_some(Session {
            started,
            issued,
            nonce,
        })
    }

    /// The value of the cookie that a sign-in page is bound to.
    pub(crate) fn sign_in_cookie(&self, issued: Timestamp, nonce: Nonce) -> String {
        let text = format!("v1.{}.{}", issued.as_second(), hex::encode(nonce));
        self.signed(Purpose::SignIn, &text)
    }

    /// The random number of a sign-in page that is still good.
    pub(crate) fn sign_in(&self, cookie: &str, now: Timestamp) -> Option<Nonce> {
        let text = self.checked(Purpose::SignIn, cookie)?;
        let (issued, number) = text.strip_prefix("v1.")?.split_once('.')?;
        is_within(second(issued)?, SIGN_IN_LIMIT, now).then(|| nonce(number))?
    }

    /// What a form carries so that only our own pages can have made it: it fits one session and one route
    /// (<https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html>).
    pub(crate) fn form_token(&self, nonce: Nonce, route: &str) -> String {
        hex::encode(self.mac(Purpose::Form, &[&nonce, route.as_bytes()]))
    }

    /// Whether a form carries that.
    pub(crate) fn is_form_token(&self, nonce: Nonce, route: &str, token: &str) -> bool {
        self.form_token(nonce, route)
            .as_bytes()
            .ct_eq(token.as_bytes())
            .into()
    }

    /// A path to return to after the sign-in, signed.
    pub(crate) fn signed_path(&self, path: &str) -> String {
        self.signed(Purpose::Path, path)
    }

    /// The path, if we have signed it.
    pub(crate) fn path<'a>(&self, signed: &'a str) -> Option<&'a str> {
        self.checked(Purpose::Path, signed)
    }

    fn signed(&self, purpose: Purpose, text: &str) -> String {
        let mac = self.mac(purpose, &[text.as_bytes()]);
        format!("{text}.{}", hex::encode(mac))
    }

    /// The text before a signature, which is looked at first, in a time that does not depend on where it differs.
    fn checked<'a>(&self, purpose: Purpose, signed: &'a str) -> Option<&'a str> {
        let (text, signature) = signed.rsplit_once('.')?;
        let expected = hex::encode(self.mac(purpose, &[text.as_bytes()]));
        bool::from(expected.as_bytes().ct_eq(signature.as_bytes())).then_some(text)
    }

    fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        let named: Vec<&[u8]> = std::iter::once(purpose.name().as_bytes())
            .chain(parts.iter().copied())
            .collect();
        mac(&self.key, &named)
    }
}

/// The tokens of one session's forms.
#[derive(Clone, Debug)]
pub(crate) struct FormTokens {
    signer: Signer,
    nonce: Nonce,
}

impl FormTokens {
    pub(crate) fn new(signer: Signer, nonce: Nonce) -> Self {
        Self { signer, nonce }
    }

    /// What a form of a route carries.
    pub(crate) fn of(&self, route: &str) -> String {
        self.signer.form_token(self.nonce, route)
    }

    /// Whether a form carries that.
    pub(crate) fn fit(&self, route: &str, token: &str) -> bool {
        self.signer.is_form_token(self.nonce, route, token)
    }
}

impl Session {
    /// The same session in a younger cookie, once it is worth one.
    pub(crate) fn renewed(self, now: Timestamp) -> Option<Self> {
        (!is_within(self.issued, RENEWED_FROM, now)).then_some(Self {
            issued: now,
            ..self
        })
    }

    /// How long a browser need keep the cookie, in seconds.
    pub(crate) fn remaining_seconds(self, now: Timestamp) -> i64 {
        let longest = i64::try_from(LONGEST.as_secs()).unwrap_or(i64::MAX);
        (self.started.as_second().saturating_add(longest) - now.as_second()).max(0)
    }
}

/// With the length before each part: else two parts could be cut elsewhere and give the same.
fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn is_within(begin: Timestamp, length: Duration, now: Timestamp) -> bool {
    let age = now.as_second() - begin.as_second();
    u64::try_from(age).is_ok_and(|age| age < length.as_secs())
}

fn second(text: &str) -> Option<Timestamp> {
    Timestamp::from_second(text.parse().ok()?).ok()
}

fn nonce(text: &str) -> Option<Nonce> {
    hex::decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_795_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(NOW + seconds).unwrap()
    }

    fn signer(key: &str, stack: &str) -> Signer {
        Signer::new(&SecretString::from(key), stack)
    }

    #[test]
    fn session_ends_after_eight_hours_or_an_hour_of_rest() {
        let signer = signer("key", "stack");
        let hour = 3_600;
        // When it began, when its cookie was made, and whether it still holds.
        let table = [
            (0, 0, true),
            (-hour + 1, -hour + 1, true),
            (-hour, -hour, false),
            (-8 * hour + 1, 0, true),
            (-8 * hour, 0, false),
            (1, 1, false),
            (0, 1, false),
        ];

        for (started, issued, holds) in table {
            let session = Session {
                started: at(started),
                issued: at(issued),
                nonce: [7; 16],
            };
            let cookie = signer.session_cookie(session);
            assert_eq!(
                signer.session(&cookie, at(0)),
                holds.then_some(session),
                "{started} {issued}"
            );
        }
    }

    #[test]
    fn sessions_and_tokens_of_other_stacks_keys_and_purposes_are_worth_nothing() {
        let ours = signer("key", "stack");
        let session = Session {
            started: at(0),
            issued: at(0),
            nonce: [7; 16],
        };

        for other in [
            signer("key", "other"),
            signer("rotated", "stack"),
            signer("", ""),
        ] {
            assert_eq!(other.session(&ours.session_cookie(session), at(0)), None);
            assert_eq!(
                other.sign_in(&ours.sign_in_cookie(at(0), [7; 16]), at(0)),
                None
            );
            assert_eq!(other.path(&ours.signed_path("/console")), None);
            assert!(!other.is_form_token([7; 16], "r", &ours.form_token([7; 16], "r")));
        }
        assert_eq!(
            ours.session(&ours.sign_in_cookie(at(0), [7; 16]), at(0)),
            None
        );
        assert_eq!(ours.session(&ours.signed_path("v1.1.1.aa"), at(0)), None);
        assert!(!ours.is_form_token([8; 16], "r", &ours.form_token([7; 16], "r")));
        assert!(!ours.is_form_token([7; 16], "other", &ours.form_token([7; 16], "r")));
    }

    #[test]
    fn cookie_is_renewed_while_used_and_never_past_the_end() {
        let session = Session {
            started: at(0),
            issued: at(0),
            nonce: [7; 16],
        };

        assert_eq!(session.renewed(at(899)), None);
        let renewed = session.renewed(at(900)).unwrap();
        assert_eq!(
            (renewed.started, renewed.issued, renewed.nonce),
            (at(0), at(900), [7; 16])
        );
        assert_eq!(renewed.remaining_seconds(at(900)), 8 * 3_600 - 900);
        assert_eq!(session.remaining_seconds(at(9 * 3_600)), 0);
    }

    #[test]
    fn sign_in_page_is_good_for_ten_minutes() {
        let signer = signer("key", "stack");
        let cookie = signer.sign_in_cookie(at(0), [7; 16]);

        assert_eq!(signer.sign_in(&cookie, at(599)), Some([7; 16]));
        assert_eq!(signer.sign_in(&cookie, at(600)), None);
        assert_eq!(signer.sign_in(&cookie, at(-1)), None);
    }

    #[test]
    fn signer_has_no_debug_text() {
        assert_eq!(format!("{:?}", signer("planted", "stack")), "Signer { .. }");
    }

    proptest! {
        #[test]
        fn changed_cookies_are_none(at_byte in 0_usize..200, byte in 32_u8..127) {
            let signer = signer("key", "stack");
            let session = Session { started: at(0), issued: at(0), nonce: [7; 16] };
            let mut cookie = signer.session_cookie(session).into_bytes();
            let index = at_byte % cookie.len();
            prop_assume!(cookie[index] != byte);
            cookie[index] = byte;

            prop_assert_eq!(signer.session(std::str::from_utf8(&cookie).unwrap(), at(0)), None);
        }

        #[test]
        fn any_text_is_refused_and_none_panics(text in ".{0,80}") {
            let signer = signer("key", "stack");
            prop_assert_eq!(signer.session(&text, at(0)), None);
            prop_assert_eq!(signer.sign_in(&text, at(0)), None);
            prop_assert_eq!(signer.path(&text), None);
        }
    }
}
